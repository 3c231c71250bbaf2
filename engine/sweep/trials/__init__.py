"""The execution of trials: planning, compiled and backtrader runners, worker processes, Dask."""
