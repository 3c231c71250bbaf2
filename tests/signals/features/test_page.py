"""The page of features names all that there is, with its true columns and warm-ups."""

import re
from pathlib import Path

import pytest

from core.plugins import kinds, load
from signals.features._talib import IN_PRICE, RATIOS, REFUSED
from signals.features.talib import Talib

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "features.md").read_text(encoding="utf-8")
ROWS = {result[1]: result[0] for result in re.finditer(r"^\| `(\w+)` \| .*$", PAGE, re.M)}
PARAMETERS = {"talib": {"function": "ADX"}}


@pytest.mark.parametrize("kind", [kind for kind in kinds("signals.features") if kind in ROWS])
def test_columns_and_warm_up_are_as_the_table_says(kind):
    feature = load("signals.features", kind)(**PARAMETERS.get(kind, {}))
    assert f"`{feature.names[0]}`" in ROWS[kind]
    if kind not in {"talib", "calendar"}:
        assert f"({feature.warmup})" in ROWS[kind]


def test_every_feature_of_prices_is_in_the_table():
    assert set(ROWS) >= set(kinds("signals.features")) - {"sentiment"}


def test_talibs_functions_are_where_the_page_says():
    asis, by_close, refused = (
        set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", part))
        for part in (
            PAGE.partition("- Taken as they are")[2].partition("- Divided by the close")[0],
            PAGE.partition("- Divided by the close")[2].partition("- Divided by 100")[0],
            "\n".join(line.split("|")[1] for line in PAGE.partition("Refused, each")[2].splitlines() if "|" in line),
        )
    )
    assert asis == set(RATIOS)
    assert by_close == set(IN_PRICE)
    assert refused == set(REFUSED)
    assert Talib(function="CDL2CROWS").kind == Talib(function="CDLXSIDEGAP3METHODS").kind
