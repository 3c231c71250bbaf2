"""The backtrader engine: the only modules of the engine package that import backtrader."""
