"""Errors of a setting: index and reason apart, under the types that users catch."""

import pickle

import pytest

from core.errors import ConfigError, PluginError
from engine.backtest.compiled import SettingError, SettingRuleError
from engine.backtest.compiled.policy_table import UnorderableError

ERRORS = {
    "value": (SettingError(3, "risk.base: must be above 0"), ConfigError, 3, "risk.base: must be above 0"),
    "rule": (SettingRuleError(0, "strategy odd: its rule failed"), PluginError, 0, "strategy odd: its rule failed"),
    "orders": (UnorderableError({2: "min_order", 4: "min_order too"}, 10), SettingError, 12, "min_order"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_index_and_reason_survive_a_process_boundary(name):
    error, base, index, reason = ERRORS[name]
    for copy in (error, pickle.loads(pickle.dumps(error))):  # noqa: S301
        assert isinstance(copy, base)
        assert (copy.index, copy.reason, str(copy)) == (index, reason, f"setting {index}: {reason}")
