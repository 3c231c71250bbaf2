"""Five American stocks: a small file in the public domain that comes with the project."""

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ._text import read_table
from .base import RawTable, Source, distinct, read_bytes, require_digest

PATH = Path(__file__).resolve().parent.parent / "samples" / "stocks.csv.gz"
DIGEST = "5abadf99b2d394f920120a27de6f0df129859d71d4cfb0bf661bcc99446ab1fd"

Name = Literal["AAPL", "GOOG", "IBM", "MSFT", "FB"]


class Stocks(Source):
    """Daily bars of AAPL, GOOG, IBM, MSFT and FB to 2013-03-01, adjusted for splits and dividends.

    AAPL, IBM and MSFT begin on 2000-03-01, GOOG on 2004-08-19, FB on 2012-05-18. The file is Quandl's WIKI Prices,
    which its publisher declared public domain (see ``marketdata/samples/NOTICE.md``); its SHA-256 is checked. Its
    prices are as traded: they are multiplied by Adj Close / Close, and volume is divided by it.

    Examples
    --------
    >>> Stocks().names
    ('AAPL', 'GOOG', 'IBM', 'MSFT')
    """

    symbols: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(distinct)] = (
        "AAPL",
        "GOOG",
        "IBM",
        "MSFT",
    )
    """Which of the stocks to load, in order: AAPL, GOOG, IBM, MSFT, FB."""

    @property
    def session_close(self) -> tuple[str, str]:
        """The close of the New York session."""
        return "16:00", "America/New_York"

    @property
    def dividends(self) -> bool:
        """True: Adj Close contains them."""
        return True

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the adjustment of the prices and the choice of the symbols."""
        names = ", ".join(self.symbols)
        return (
            f"{names}: prices are adjusted for splits and dividends (x Adj Close / Close, volume divided by it)",
            f"{names}: symbols chosen with hindsight: no company that failed is among them, which favours longs",
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols, in the config's order."""
        return self.symbols

    def paths(self) -> dict[str, Path]:
        """The one file, for each symbol."""
        return dict.fromkeys(self.symbols, PATH)

    def tables(self) -> dict[str, RawTable]:
        """One raw table a symbol."""
        content = read_bytes(self.symbols[0], PATH)
        require_digest(self.symbols[0], PATH, content, DIGEST, "restore the project's own file")
        header, *lines = gzip.decompress(content).splitlines(keepends=True)
        return {name: _table(name, header, lines) for name in self.symbols}


def _table(name: str, header: bytes, lines: list[bytes]) -> RawTable:
    symbol_lines = b"".join(line for line in lines if line.startswith(f"{name},".encode()))
    table = read_table(name, header + symbol_lines, PATH.name, adjust=True)
    return replace(table, notes=())  # the adjustment is in the source's notes
