"""The cells of a monthly table: a text in per cent, and a colour by sign and size."""

import math
from typing import Any

import pandas as pd


def month_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a year: each cell has its text and the name of its colour, u1 to u10 for gains and d1 to d10 for losses.

    Parameters
    ----------
    table : as :func:`engine.pages.period_returns.monthly_table` gives it.
    """
    values = table * 100.0
    largest = float(values.drop(columns="year").abs().max().max()) or 1.0
    digits = min(4, max(0, 2 - math.floor(math.log10(largest))))
    return [
        {"year": year, "cells": [_cell(value, largest, digits) for value in row]}
        for year, row in zip(values.index, values.to_numpy(), strict=True)
    ]


def _cell(value: float, largest: float, digits: int) -> dict[str, Any]:
    if math.isnan(value):
        return {"text": "", "kind": ""}
    strength = round(10 * min(1.0, abs(value) / largest) ** 0.7)
    return {"text": f"{value:z.{digits}f}", "kind": f"{'u' if value > 0 else 'd'}{strength}" if strength else ""}
