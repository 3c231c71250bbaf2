"""The linker's source of a rule, before and after."""

from typing import Any

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


LINKED = """\


@compiled
def higher_1(prediction, limit):
    return prediction > limit + 0.5


@compiled
def side_0(prediction, p):
    pass
    return 1 if higher_1(prediction, p.entry) else 0"""


def test_the_linked_source_of_a_rule_has_numbers_for_constants_and_no_annotations():
    linker = Linker(constants={"FEATURES": KernelFeatures(lot=False)})
    assert linker.add(side) == "side_0"
    source = linker.source(lambda function: "@compiled")
    assert source.strip() == LINKED.strip()
