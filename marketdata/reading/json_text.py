"""JSON to a sheet: the largest table in it is that of the bars."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from core.errors import DataError

from .content import text_of
from .frame import sheet_of_frame
from .options import ReadingOptions
from .sheet import Sheet, Symbols

SYMBOL_KEYS = ("ticker", "symbol", "2. Symbol")
DEEPEST = 5


def read_json(content: bytes, label: str, file: str, options: ReadingOptions) -> Sheet:
    """The sheet in the bytes of a JSON file.

    Numbers may be written as numbers or as text. Bars are objects or lists in a list, objects by their date, or lists
    by their column; what stands around them is left out.

    Raises
    ------
    DataError
        It is no JSON, or holds no bars.
    """
    text = text_of(content, label, options.encoding)
    value = _parsed(text.content, label)
    table = _table(value, 0)
    if table is None or table.empty:
        keys = f" its keys are {', '.join(list(value)[:5])}" if isinstance(value, Mapping) else ""
        message = _vendor_message(value)
        raise DataError(f"{label}: holds no bars;{keys}{message or '; it must hold a list of bars, or bars by date'}")
    sheet = sheet_of_frame(table, label, file, options, text.facts)
    symbol = _symbol(value)
    if sheet.symbols is None and symbol:
        sheet = replace(sheet, symbols=Symbols.one(symbol, len(table), "ticker"))
    return sheet


def _vendor_message(value: Any) -> str:
    """The refusal of a web service that was saved in place of its data."""
    if not isinstance(value, Mapping):
        return ""
    texts = [str(item) for key, item in value.items() if isinstance(item, str) and len(item) > 20]
    return f"; it says {texts[0][:80]!r}: download it again" if texts else ""


def _parsed(content: bytes, label: str) -> Any:
    if not content.strip():
        raise DataError(f"{label}: the file is empty; it must hold a list of bars, or bars by date")
    try:
        return json.loads(content)
    except ValueError as error:
        lines = [line for line in content.splitlines() if line.strip()]
        try:
            return [json.loads(line) for line in lines]
        except ValueError:
            raise DataError(f"{label}: is no JSON: {error}; write a list of objects, or one object a line") from error
    except RecursionError:
        raise DataError(f"{label}: is nested too deeply for a table; write a list of objects") from None


def _table(value: Any, depth: int) -> pd.DataFrame | None:
    """The table with the most rows in a value."""
    if depth > DEEPEST:
        return None
    if isinstance(value, list):
        return _of_list(value, depth)
    if not isinstance(value, Mapping) or not value:
        return None
    items = list(value.values())
    if all(isinstance(item, Mapping) for item in items) and not any(_nested(item) for item in items):
        frame = pd.DataFrame(items)
        return frame.assign(date=list(value)) if not {"date", "t", "timestamp"} & set(frame.columns) else frame
    lists = {str(key): item for key, item in value.items() if isinstance(item, list)}
    if len({len(item) for item in lists.values()}) == 1 and len(lists) >= 5 and not any(map(_nested, lists.values())):
        return pd.DataFrame(lists)
    tables = [table for item in items if (table := _table(item, depth + 1)) is not None]
    return max(tables, key=len, default=None)


def _of_list(value: list[Any], depth: int) -> pd.DataFrame | None:
    if value and all(isinstance(item, Mapping) for item in value):
        if any(_nested(item) for item in value[:1]):
            tables = [table for item in value if (table := _table(item, depth + 1)) is not None]
            return max(tables, key=len, default=None)
        return pd.DataFrame(value)
    if value and all(isinstance(item, list) and len(item) == len(value[0]) for item in value) and len(value[0]) >= 5:
        return pd.DataFrame(value)
    return None


def _nested(value: Any) -> bool:
    items = value.values() if isinstance(value, Mapping) else value
    return any(isinstance(item, Mapping | list) for item in items)


def _symbol(value: Any) -> str:
    """The symbol that an answer names beside its bars."""
    if not isinstance(value, Mapping):
        return ""
    metadata = value.get("Meta Data")
    names = {**value, **(metadata if isinstance(metadata, Mapping) else {})}
    return next((names[key] for key in SYMBOL_KEYS if isinstance(names.get(key), str)), "")
