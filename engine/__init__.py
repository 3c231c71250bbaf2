"""The straight line from a config file to a run folder, and the engines that backtest."""
