"""Number formats for people: four significant digits, no exponents, `n/a` where there is none."""

import math
import re
from typing import TypeVar

NONE = "n/a"
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""Signs at which a spreadsheet takes a text for a formula."""
T = TypeVar("T")


def format_4sig(value: float | None) -> str:
    """Four significant digits; None, NaN and infinity are `n/a`.

    >>> format_4sig(0.00123456), format_4sig(-12.3456), format_4sig(0.99999), format_4sig(1234567.0), format_4sig(None)
    ('0.001235', '-12.35', '1.000', '1,234,567', 'n/a')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) < 1e-12:
        return "0"
    power = int(f"{value:.3e}".partition("e")[2])  # of the rounded number: 0.99999 is 1.000
    return f"{value:,.{max(0, 3 - power)}f}"


def percent(value: float | None) -> str:
    """A fraction as per cent.

    >>> percent(0.0123456)
    '1.235 %'
    """
    return NONE if value is None or not math.isfinite(value) else f"{format_4sig(100 * value)} %"


def money(value: float | None) -> str:
    """An amount in account currency.

    >>> money(10123.456), money(None)
    ('10,123.46', 'n/a')
    """
    return NONE if value is None or math.isnan(value) else f"{value:,.2f}"


def format_value(value: float | None, unit: str) -> str:
    """A number in its unit: `fraction`, `ratio`, `count` or `money`.

    >>> [format_value(value, unit) for value, unit in ((0.5, "fraction"), (3.0, "ratio"), (12.0, "count"))]
    ['50.00 %', '3.000', '12']
    >>> format_value(2.0, "money"), format_value(None, "ratio")
    ('2.00', 'n/a')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if unit == "count" and float(value).is_integer():
        return f"{value:,.0f}"
    return {"fraction": percent, "money": money}.get(unit, format_4sig)(value)


def p_value(value: float | None) -> str:
    """A p-value to three decimals; what would be 0.000 is below 0.001.

    >>> p_value(0.03456), p_value(2e-12), p_value(None)
    ('0.035', '< 0.001', 'n/a')
    """
    if value is None or not math.isfinite(value):
        return NONE
    return "< 0.001" if value < 0.0005 else f"{value:.3f}"


def p_text(value: float | None) -> str:
    """A p-value in a sentence.

    >>> p_text(0.03456), p_text(2e-12)
    ('p = 0.035', 'p < 0.001')
    """
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def probability(value: float) -> str:
    """A probability in a sentence; one that no record tells from 0 has no digits.

    >>> probability(1.832e-7), probability(0.97531)
    ('below 0.0001', '0.9753')
    """
    return "below 0.0001" if value < 1e-4 else format_4sig(value)


def odds(p: float) -> str:
    """A p-value as a frequency, to be followed by what is counted.

    >>> odds(0.33), odds(0.7), odds(0.0001), odds(0.97)
    ('1 of 3', '7 of 10', 'fewer than 1 of 1,000', 'more than 9 of 10')
    """
    if p < 0.001:
        return "fewer than 1 of 1,000"
    if p <= 0.5:
        return f"1 of {round(1.0 / p):,}"
    tenths = round(10.0 * p)
    return f"{tenths} of 10" if tenths < 10 else "more than 9 of 10"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number of things; the plural is the noun with an s unless it is given.

    >>> count(1, "fold"), count(5030, "daily return"), count(0, "breach", "breaches")
    ('1 fold', '5,030 daily returns', '0 breaches')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


_NAMES = (
    *("CAGR", "MSE", "MAE", "R2", "IC", "MAPE", "SQN", "EWMA", "GARCH", "FHS"),
    *("Sharpe", "Gaussian", "Cornish", "Fisher"),
)
_CAPITALS = {name.lower(): name for name in _NAMES}


def title(name: str) -> str:
    """The name of a measure as people read it; a number above 50 in it is a level.

    >>> title("cagr"), title("value_at_risk_95"), title("value_at_risk_99_gaussian")
    ('CAGR', 'Value at risk 95 %', 'Value at risk 99 % Gaussian')
    >>> title("probabilistic_sharpe_above_0.5")
    'Probabilistic Sharpe ratio above 0.5'
    """
    text = " ".join(f"{word} %" if _is_level(word) else _CAPITALS.get(word, word) for word in name.split("_"))
    text = (text[:1].upper() + text[1:]).replace("Cornish Fisher", "Cornish-Fisher")
    return text.replace("Probabilistic Sharpe", "Probabilistic Sharpe ratio")


def _is_level(word: str) -> bool:
    return bool(re.fullmatch(r"\d+(\.\d+)?", word)) and float(word) > 50


def spreadsheet_cell(value: T) -> T | str:
    """A cell that no spreadsheet takes for a formula: a text that begins like one has an apostrophe in front.

    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("AAPL"), spreadsheet_cell(-2.5)
    ("'=1+1", 'AAPL', -2.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value
