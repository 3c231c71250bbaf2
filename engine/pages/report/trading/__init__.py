"""Sections on the trading: trades, exposure, costs, stops, orders."""
