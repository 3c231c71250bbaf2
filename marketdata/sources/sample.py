"""The sample prices: two indices that come with the `arch` package."""

import gzip
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from core.errors import DataError

from ._text import read_table
from .base import RawTable, Source, distinct, read_bytes, require_digest

DIGESTS = {
    "nasdaq": "b2009535343ebb14e0aa11ed086788d2997a416ffe4f9450eed9a561ae30ac59",
    "sp500": "1e028cbb9c400cc018c816ccc439b33c919387e726c3ed5ca2c05c82746059de",
}
REINSTALL = "install arch 8.0.0, whose files the sample is"

Name = Literal["nasdaq", "sp500"]


class Sample(Source):
    """Daily bars of the Nasdaq Composite and the S&P 500, 1999 to 2018, 5,031 rows each.

    The files are those of the `arch` package, checked by SHA-256 and found without importing it. They have Yahoo's
    column layout; the package names no source and no data licence beyond its own NCSA licence. Until 2005 the opens of
    `sp500` are the previous closes, so it serves as a benchmark better than for trading.

    Examples
    --------
    >>> Sample().names
    ('nasdaq',)
    """

    symbols: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(distinct)] = ("nasdaq",)
    """Which of the sample's symbols to load, in order: nasdaq, sp500."""

    @property
    def session_close(self) -> tuple[str, str]:
        """The close of the New York session."""
        return "16:00", "America/New_York"

    @property
    def dividends(self) -> bool:
        """False: both are price indices, without the dividends of their members."""
        return False

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols, in the config's order."""
        return self.symbols

    def paths(self) -> dict[str, Path]:
        """The files in arch's installation."""
        folder = _arch_folder()
        return {name: folder / "data" / name / f"{name}.csv.gz" for name in self.symbols}

    def tables(self) -> dict[str, RawTable]:
        """One raw table a symbol."""
        return {name: _table(name, path) for name, path in self.paths().items()}


def _arch_folder() -> Path:
    module_spec = importlib.util.find_spec("arch")
    if module_spec is None or module_spec.origin is None:
        raise DataError(f"the sample data is missing: the package arch is not installed; {REINSTALL}")
    return Path(module_spec.origin).parent


def _table(name: str, path: Path) -> RawTable:
    content = read_bytes(name, path)
    require_digest(name, path, content, DIGESTS[name], REINSTALL)
    table = read_table(name, gzip.decompress(content), path.name)
    return replace(table, notes=())  # the one column left out, Adj Close, equals Close in every row
