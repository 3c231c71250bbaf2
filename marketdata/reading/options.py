"""The keys by which a config states the form of its files."""

import codecs
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from core.errors import PluginError
from core.plugins import load
from core.spec import Spec
from core.types import PRICES
from marketdata.layouts.base import StampSide
from marketdata.sources.base import ADJUSTED
from marketdata.timestamps import known_zone

LAYOUTS = "marketdata.layouts"
ROLES = ("date", "time", "close_time", *PRICES, "volume", ADJUSTED, "symbol")


def _layout(name: str | None) -> str | None:
    if name is not None:
        try:
            load(LAYOUTS, name)
        except PluginError as error:
            raise PydanticCustomError("layout", "{message}", {"message": str(error)}) from error
    return name


def _zone(name: str | None) -> str | None:
    if name is not None:
        known_zone(name)
    return name


def _encoding(name: str | None) -> str | None:
    if name is not None:
        try:
            codecs.lookup(name)
        except LookupError as error:
            raise PydanticCustomError("encoding", "there is no such encoding; for example utf-16 or cp1252") from error
    return name


def _roles(columns: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    unknown = [role for role in columns or () if role not in ROLES]
    if unknown:
        raise PydanticCustomError(
            "role", "{role} is no role; known: {known}", {"role": unknown[0], "known": ", ".join(ROLES)}
        )
    return columns


def _unset(value: object) -> bool:
    """Not written out: ids of configs are older than these keys."""
    return value is None


Unset = Field(exclude_if=_unset)


class ReadingOptions(Spec):
    """The form of the files. What is not stated is found in each file, and said in the notes and the manifest."""

    layout: Annotated[str | None, AfterValidator(_layout), Unset] = None
    """The layout, a vendor's name: see `run_backtest.py list layouts`; null: recognised by the file."""
    columns: Annotated[dict[str, str | int] | None, AfterValidator(_roles), Unset] = None
    """Role to the name of its column, or its position from 1: {close: Last}. Roles: date, time, close_time, open,
    high, low, close, volume, adj close, symbol."""
    date_format: Annotated[str | None, Unset] = None
    """The form of the dates, in the codes of Python's strptime ("%d.%m.%Y"), or s, ms, us, ns since 1970."""
    dayfirst: Annotated[bool | None, Unset] = None
    """Of a date such as 1/6/2020 the day comes first; null: a day above 12 proves the order, or the file is refused."""
    delimiter: Annotated[str | None, Field(min_length=1, max_length=1), Unset] = None
    """The sign between cells."""
    decimal: Annotated[Literal[".", ","] | None, Unset] = None
    """The sign before decimals."""
    skip: Annotated[int | None, Field(ge=0), Unset] = None
    """Lines above the one that names the columns."""
    stamp_zone: Annotated[str | None, AfterValidator(_zone), Unset] = None
    """The time zone in which stamps without an offset are written; null: that of data.session_close, if stated."""
    stamp: Annotated[StampSide | None, Unset] = None
    """start: bars are stamped at their start and are moved to their end; end: at their close."""
    encoding: Annotated[str | None, AfterValidator(_encoding), Unset] = None
    """The encoding of the text; null: by its byte order mark, or UTF-8."""
    adjust: bool = False
    """Multiply prices by Adj Close / Close and divide volume by it; false: prices are taken as they are."""
