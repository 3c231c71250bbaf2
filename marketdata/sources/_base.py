"""What every source offers: its symbols, its files, and one raw table a symbol."""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.digests import file_digest
from core.errors import DataError
from core.plugins import PluginSpec


@dataclass(frozen=True, eq=False)
class RawTable:
    """One symbol's table as it was read; `marketdata.clean` checks it.

    Attributes
    ----------
    frame : (T rows) columns `core.types.COLUMNS`, each numeric or text; index: naive midnights (dates), naive times of
        day, or aware UTC times. NaN and text are let through: the checks name them.
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
