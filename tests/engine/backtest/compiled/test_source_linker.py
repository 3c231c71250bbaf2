"""The linker's source of a rule, before and after."""

from typing import Any

import pytest

from core.errors import ConfigError
from engine.backtest.compiled.kernel_features import FEATURES, KernelFeatures
from engine.backtest.compiled.source_linker import Linker

BAND = 0.5


def higher(prediction: float, limit: float) -> bool:
    """True above a limit."""
    return prediction > limit + BAND


def side(prediction: float, p: Any) -> int:
    """The side to be on."""
    if FEATURES.lot:
        return 0
    return 1 if higher(prediction, p.entry) else 0


def twice(prediction: float, p: Any) -> int:
    """Calls both."""
    return side(prediction, p) + int(higher(prediction, p.exit))


def again(prediction: float, p: Any) -> int:
    """Calls itself."""
    return again(prediction - 1, p) if prediction > 0 else 0


def linked(function, **constants):
    linker = Linker(constants={"FEATURES": KernelFeatures(**constants)}, decorate=lambda function: "@compiled")
    linker.add(function)
    return linker.parts


def test_the_linked_source_of_a_rule_has_numbers_for_constants_and_no_annotations():
    parts = linked(side, lot=False)
    inner, outer = (parts[function] for function in (higher, side))
    assert list(parts) == [higher, side]
    assert inner.text == f"@compiled\ndef {inner.name}(prediction, limit):\n    return prediction > limit + 0.5"
    body = f"    pass\n    return 1 if {inner.name}(prediction, p.entry) else 0"
    assert outer.text == f"@compiled\ndef {outer.name}(prediction, p):\n{body}"
    assert outer.calls == (inner.name,)


def test_a_name_changes_with_the_text_of_a_function_and_of_those_that_it_calls(monkeypatch):
    before = linked(twice, lot=False)
    assert linked(twice, lot=False) == before
    assert linked(twice, lot=False)[higher] == linked(higher, lot=True)[higher]  # in whatever kernel it is
    others = linked(twice, lot=True)
    assert others[higher] == before[higher]
    assert others[side].name != before[side].name
    assert others[twice].name != before[twice].name
    monkeypatch.setattr(f"{__name__}.BAND", 0.25)
    changed = linked(twice, lot=False)
    assert not {part.name for part in changed.values()} & {part.name for part in before.values()}


def test_a_function_that_calls_itself_is_refused():
    with pytest.raises(ConfigError, match="the rule again cannot be compiled: it uses a call of itself"):
        linked(again)
