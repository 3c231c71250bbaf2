"""Sizing, costs and measures of risk: pure functions of numbers. Only :mod:`risk.bt_adapter` knows backtrader."""
