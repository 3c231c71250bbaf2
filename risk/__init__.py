"""Sizing, costs and measures of risk: pure functions of numbers. Only :mod:`risk.bt_adapter` knows backtrader."""

from core.deprecation import moved_modules

moved_modules(
    {
        "risk.limits": "risk.account_limits",
        "risk.var_tests": "risk.var.tests",
        "risk.measures._base": "risk.measures.base",
        "risk.measures._returns": "risk.returns",
    },
    since="0.2",
)
