"""Prices from the user's own files."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ._base import RawTable, Source, read_bytes
from ._text import read_table


class Csv(Source):
    """Comma-separated files, one a symbol.

    The columns are Date, Open, High, Low, Close and Volume; others, such as Adj Close, are left out with a note. Dates
    are ISO or M/D/YYYY, alone or with a time and an offset; a date alone closes at 23:59 UTC unless
    ``data.session_close`` says when.

    Examples
    --------
    >>> Csv(files={"AAPL": "prices/aapl.csv"}).names
    ('AAPL',)
    """

    files: Annotated[dict[Annotated[str, Field(min_length=1)], str], Field(min_length=1)]
    """Symbol to path of a CSV file. A relative path is read from the file that states it."""

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols, in the config's order."""
        return tuple(self.files)

    def paths(self) -> dict[str, Path]:
        """The files as given; one that is still relative is taken from the working directory."""
        return {symbol: Path(path).expanduser() for symbol, path in self.files.items()}

    def tables(self) -> dict[str, RawTable]:
        """One raw table a file."""
        return {name: read_table(name, read_bytes(name, path), str(path)) for name, path in self.paths().items()}
