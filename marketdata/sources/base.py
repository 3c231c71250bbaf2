"""What every source offers: its symbols, its files, and one raw table a symbol."""

import hashlib
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic_core import PydanticCustomError

from core.digests import file_digest
from core.errors import DataError
from core.plugins import PluginSpec

ADJUSTED = "adj close"
"""The column of a raw table that holds closes adjusted for splits and dividends; where it is given, it is applied."""


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
    notes : what reading found worth saying.
    """

    frame: pd.DataFrame
    where: str
    offsets: npt.NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()


class Source(PluginSpec):
    """A place where prices come from.

    A source that is given files names them in a field ``files``, symbol to path: the config's id then holds their
    digests instead of their paths.
    """

    family: ClassVar[str] = "sources"
    found: ClassVar[bool] = False
    """Whether a note says what was found in the files: bar size and sessions; for data that we do not know."""

    @property
    def dividends(self) -> bool | None:
        """Whether the closes are adjusted for dividends; None if that is not known."""
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the results has to know of this choice of data, one line each."""
        return ()

    @property
    def session_close(self) -> tuple[str, str]:
        """When bars that bear only a date close, unless the config says it: (HH:MM, IANA zone)."""
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

    def digests(self) -> dict[str, str]:
        """The SHA-256 of each symbol's file."""
        return {symbol: _digest(symbol, path) for symbol, path in self.paths().items()}

    def identity(self) -> dict[str, Any]:
        """The source without paths, its files by content: equal for equal data, wherever it lies."""
        return {**self.dump(), "files": self.digests()}


def distinct(symbols: tuple[str, ...]) -> tuple[str, ...]:
    """The symbols of a field, each named once."""
    if len(set(symbols)) < len(symbols):
        raise PydanticCustomError("twice", "must name each symbol once")
    return symbols


def require_digest(symbol: str, path: Path, content: bytes, expected: str, advice: str) -> None:
    """Refuse a file of ours that was changed.

    Raises
    ------
    DataError
        The SHA-256 of its content is another.
    """
    given = hashlib.sha256(content).hexdigest()
    if given != expected:
        raise DataError(
            f"{symbol} ({path}): the sample has changed: SHA-256 {given[:16]}, not {expected[:16]}; {advice}"
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
        raise _unreadable(symbol, path, error) from error


def _digest(symbol: str, path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise _unreadable(symbol, path, error) from error


def _unreadable(symbol: str, path: Path, error: OSError) -> DataError:
    return DataError(f"{symbol} ({path}): the file cannot be read: {error.strerror}; check its path")
