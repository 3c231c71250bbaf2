"""What flags say of measures: each text once."""

from engine.pages.measure_warnings import flagged
from risk.measures.base import Measured


def measured(name: str, reason: str = "", *flags: str) -> Measured:
    return Measured(
        name=name, value=None if reason else 1.0, reason=reason, flags=flags, formula="f", unit="ratio", period="p", n=3
    )


NAMES = {"strategy": "mine", "benchmark": "index"}


def test_a_text_about_every_column_names_none_and_joins_the_measures():
    items = (measured("sharpe", "too short"), measured("calmar", "too short"))
    assert flagged({"strategy": items, "benchmark": items}, NAMES) == ["Sharpe, Calmar: too short."]


def test_a_text_about_one_column_names_it():
    found = flagged({"strategy": (measured("sharpe", "", "few"),), "benchmark": (measured("sharpe"),)}, NAMES)
    assert found == ["Sharpe of mine: few."]


def test_measures_of_different_columns_stay_apart():
    mine = (measured("sharpe", "", "few"), measured("calmar", "never fell", "few"))
    index = (measured("sharpe", "", "few"), measured("calmar"))
    assert flagged({"strategy": mine, "benchmark": index}, NAMES) == [
        "Sharpe: few.",
        "Calmar of mine: few.",
        "Calmar of mine: never fell.",
    ]


def test_nothing_to_say():
    assert flagged({"strategy": (measured("sharpe"),), "benchmark": (measured("sharpe"),)}, NAMES) == []
