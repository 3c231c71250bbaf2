"""Cells of tables that people open in a spreadsheet program."""

from typing import TypeVar

T = TypeVar("T")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: T) -> T | str:
    """A cell that no spreadsheet takes for a formula: a text that begins like one has an apostrophe in front.

    >>> safe_cell("=1+1"), safe_cell("AAPL"), safe_cell(-2.5)
    ("'=1+1", 'AAPL', -2.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value
