"""Model bundles: what decides a decision, in one folder that is safe to load and equal to the backtest."""
