"""The common part of the sources that read the user's own files."""

from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from .base import RawTable, Source, read_bytes


def _printable(symbol: str) -> str:
    if symbol.isprintable() and symbol == symbol.strip() and len(symbol) <= LONGEST:
        return symbol
    raise PydanticCustomError(
        "symbol_name", "a symbol must be printable, at most {most} characters, no blank at its ends", {"most": LONGEST}
    )


LONGEST = 80
Symbol = Annotated[str, Field(min_length=1), AfterValidator(_printable)]


class Files(Source):
    """Files, one a symbol."""

    reports_extent: ClassVar[bool] = True

    files: Annotated[dict[Symbol, str], Field(min_length=1)]
    """Symbol to path of its file. A relative path is read from the file that states it."""
    adjust: bool = False
    """Multiply prices by Adj Close / Close and divide volume by it; false: prices are taken as they are."""

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols, in the config's order."""
        return tuple(self.files)

    @property
    def dividends(self) -> bool | None:
        """True for adjusted closes, which contain dividends; None for other prices."""
        return True if self.adjust else None

    def paths(self) -> dict[str, Path]:
        """The files as given; one that is still relative is taken from the working directory."""
        return {symbol: Path(path).expanduser() for symbol, path in self.files.items()}

    def tables(self) -> dict[str, RawTable]:
        """One raw table a file."""
        return {name: self.read(name, read_bytes(name, path), str(path)) for name, path in self.paths().items()}

    def identity(self) -> dict[str, Any]:
        """As of any source; `adjust` is in it only if it is on, so that ids from before it existed still hold."""
        return {key: value for key, value in super().identity().items() if key != "adjust" or value}

    @abstractmethod
    def read(self, symbol: str, content: bytes, where: str) -> RawTable:
        """The raw table in a file's bytes; ``where`` names the file in messages."""
