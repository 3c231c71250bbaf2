"""The verdict of a sweep: confirmation on backtrader, overfitting tests, stability, stress."""
