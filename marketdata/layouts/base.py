"""The contract of a layout plug-in: how a vendor's file is recognised, and what is known of it."""

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from core.plugins import PluginSpec

__all__ = ["Head", "Layout", "Parts", "StampSide", "letters"]

StampSide: TypeAlias = Literal["start", "end"]
EPOCH = re.compile(r"\d{9,19}(?:\.0*)?")


def letters(name: str) -> str:
    """A column's name without case and without anything but letters and digits: ``<CLOSE>`` is ``close``."""
    return re.sub(r"[\W_]", "", name.casefold())


@dataclass(frozen=True)
class Head:
    """The beginning of a table, as far as a layout can be recognised by it.

    Attributes
    ----------
    file : the file's name without its folder.
    names : the columns' names; empty if no line names them.
    rows : the cells of the first rows.
    delimiter : between the cells; empty for a table that is no text.
    above : the lines above the columns' names.
    """

    file: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str = ""
    above: tuple[str, ...] = ()

    @property
    def letters(self) -> tuple[str, ...]:
        """The names by :func:`letters`."""
        return tuple(map(letters, self.names))

    def has(self, *names: str) -> bool:
        """True if every one of these names, in the form of :func:`letters`, is there."""
        return set(names) <= set(self.letters)

    def matches(self, *patterns: str) -> bool:
        """True if no line names the columns and the first row's cells have these forms, one pattern a cell."""
        if self.names or not self.rows or len(self.rows[0]) != len(patterns):
            return False
        return all(re.fullmatch(pattern, cell.strip()) for pattern, cell in zip(patterns, self.rows[0], strict=True))

    def cell(self, name: str) -> str:
        """The first row's cell in a column, given by :func:`letters`; empty if there is none."""
        if name not in self.letters or not self.rows:
            return ""
        column = self.letters.index(name)
        return self.rows[0][column].strip() if column < len(self.rows[0]) else ""


@dataclass(frozen=True)
class Parts:
    """Facts about a file beyond its cells. The config may state each part; None: it is not known.

    Attributes
    ----------
    columns : role (``date``, ``time``, ``close_time``, ``open`` ... ``volume``, ``adj close``, ``symbol``) to the
        column's name, or its position from 1.
    names : of the columns, for a file without a line that names them.
    date_format : of the dates, in the codes of Python's ``strptime``; or ``s``, ``ms``, ``us``, ``ns`` since 1970.
    dayfirst : of a date such as 1/6/2020, the day comes first.
    decimal : the sign before decimals.
    stamp_zone : the zone of stamps that state none.
    stamp : the bars are stamped at their start, or at their end.
    no_volume : cells of the volume that mean that none is stated; they count as 0.
    price_unit : by which prices are multiplied.
    """

    columns: Mapping[str, str | int] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    date_format: str | None = None
    dayfirst: bool | None = None
    decimal: str | None = None
    stamp_zone: str | None = None
    stamp: StampSide | None = None
    no_volume: tuple[str, ...] = ()
    price_unit: float | None = None


class Layout(PluginSpec):
    """The layout of a vendor's file.

    It says how the file is recognised and what its cells alone do not tell. Everything else is found in the file; the
    config may overrule each part.
    """

    family: ClassVar[str] = "layouts"
    title: ClassVar[str] = ""
    """The vendor's name, as messages have it."""
    rank: ClassVar[int] = 1
    """Layouts of a higher rank are asked first."""

    @abstractmethod
    def recognises(self, head: Head) -> bool:
        """True if a file that begins in this way has this layout."""

    def parts(self, head: Head) -> Parts:
        """The facts about such a file; by default none."""
        del head
        return Parts()
