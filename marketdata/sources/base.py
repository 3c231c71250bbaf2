"""The contract of a source plug-in: its symbols, its files, and one raw table a symbol."""

import hashlib
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic_core import PydanticCustomError

from core.deprecated_members import RenamedAttribute, adopt_old_names
from core.digests import file_digest
from core.errors import DataError
from core.plugins import PluginSpec
from marketdata.data_faults import RowNames

__all__ = [
    "ADJUSTED",
    "RawTable",
    "Recognition",
    "Source",
    "distinct",
    "read_bytes",
    "require_digest",
    "unreadable",
]

ADJUSTED = "adj close"
"""The column of a raw table that holds closes adjusted for splits and dividends; where it is given, it is applied."""


@dataclass(frozen=True)
class Recognition:
    """The way in which a file was read.

    Attributes
    ----------
    layout : the kind of the layout that it was recognised as, or that the config states.
    text : in words, for the notes and the manifest.
    zone : of stamps that state none; None: not known.
    side : ``start`` or ``end``: where in its bar a stamp lies; None: not known.
    stated : the config states the side.
    unusual : there is something to say about it: it is no plain table of commas.
    """

    layout: str
    text: str
    zone: str | None = None
    side: str | None = None
    stated: bool = False
    unusual: bool = False


@dataclass(frozen=True, eq=False)
class RawTable:
    """One symbol's table as it was read; `marketdata.validation` checks it.

    Attributes
    ----------
    frame : (T rows) columns `core.types.COLUMNS`, each numeric or text; index: naive midnights (dates), naive times of
        day, or aware times. NaN and text are let through: the checks name them. A column :data:`ADJUSTED`, if there is
        one, is applied: prices are multiplied by it / close, volume is divided by that.
    where : the file's name, for messages.
    offsets : (T,) seconds east of UTC as each stamp was written; None if the stamps are naive or of one zone by type.
    notes : remarks of the reader of the file.
    recognition : how the file was read; None for tables that are no user's file.
    rows : (T,) numbers of the rows in the file, from 0; None: they are all rows, in its order.
    first_line : the number of the line of the file's row 0.
    typed : its times are of a type with a zone, so that the offsets are those of one zone.
    warnings : what may be wrong about the file, as another symbol in its column.
    """

    frame: pd.DataFrame
    where: str
    offsets: npt.NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()
    recognition: Recognition | None = None
    rows: npt.NDArray[np.intp] | None = None
    first_line: int = 2
    typed: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def row_names(self) -> RowNames:
        """The names of its rows in messages."""
        return RowNames(pd.DatetimeIndex(self.frame.index), self.rows, self.first_line)

    def cut(self, rows: npt.NDArray[Any] | slice) -> "RawTable":
        """Some of its rows, by a mask, by their numbers or as a slice."""
        numbers = np.arange(len(self.frame)) if self.rows is None else self.rows
        offsets = None if self.offsets is None else self.offsets[rows]
        return replace(self, frame=self.frame.iloc[rows], offsets=offsets, rows=numbers[rows])


class Source(PluginSpec):
    """A place where prices come from.

    A source that is given files names them in a field ``files``, symbol to path: the config's id then holds their
    digests instead of their paths.
    """

    family: ClassVar[str] = "sources"
    reports_extent: ClassVar[bool] = False
    """True if a note states the bar size and the sessions of the files: for data that the project does not know."""

    found: ClassVar[Any] = RenamedAttribute("reports_extent", since="0.2")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Honour ``found``, the old name of ``reports_extent``, in a user's source."""
        super().__pydantic_init_subclass__(**kwargs)
        adopt_old_names(cls, {"found": "reports_extent"}, since="0.2", stacklevel=4)

    @property
    def dividends(self) -> bool | None:
        """True if the closes are adjusted for dividends; None if that is not known."""
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on this choice of data for the reader of the results, one line each."""
        return ()

    @property
    def session_close(self) -> tuple[str, str]:
        """The close of bars that have only a date, unless the config states it: (HH:MM, IANA zone)."""
        return "23:59", "UTC"

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The symbols, in the config's order; no file is touched."""

    @abstractmethod
    def paths(self) -> dict[str, Path]:
        """The file that each symbol is read from."""

    @abstractmethod
    def tables(self) -> dict[str, RawTable]:
        """One raw table for each symbol, in order.

        Raises
        ------
        DataError
            A file is missing or is no table.
        """

    def each_table(self) -> Iterator[tuple[str, RawTable]]:
        """The pairs of :meth:`tables`; a source may read each when it is asked for."""
        yield from self.tables().items()

    def attempts(self) -> Iterator[tuple[str, RawTable | DataError]]:
        """The pairs of :meth:`each_table`, or in place of a table the error that reading it raised.

        Where files are read one by one, an error of one leaves the others.
        """
        try:
            yield from self.each_table()
        except DataError as error:
            yield "data", error

    def digests(self) -> dict[str, str]:
        """The SHA-256 of each symbol's file."""
        return {symbol: _digest(symbol, path) for symbol, path in self.paths().items()}

    def identity(self) -> dict[str, Any]:
        """The source without paths, its files by content: equal for equal data in any folder."""
        return {**self.dump(), "files": self.digests()}


def distinct(symbols: tuple[str, ...]) -> tuple[str, ...]:
    """The symbols of a field, each named once."""
    if len(set(symbols)) < len(symbols):
        raise PydanticCustomError("twice", "must name each symbol once")
    return symbols


def require_digest(symbol: str, path: Path, content: bytes, expected: str, advice: str) -> None:
    """Refuse a file of the project's samples that was changed.

    Raises
    ------
    DataError
        The SHA-256 of its content is another.
    """
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise DataError(
            f"{symbol} ({path}): the sample has changed: SHA-256 {digest[:16]}, not {expected[:16]}; {advice}"
        )


def read_bytes(symbol: str, path: Path) -> bytes:
    """A file's bytes.

    Raises
    ------
    DataError
        It does not exist or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(symbol, path, error) from error


def _digest(symbol: str, path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise unreadable(symbol, path, error) from error


def unreadable(symbol: str, path: Path, error: OSError) -> DataError:
    """The error of a file that cannot be read."""
    return DataError(f"{symbol} ({path}): the file cannot be read: {error.strerror}; check its path")
