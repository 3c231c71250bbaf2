"""The common part of the sources that read the user's own files."""

import re
from abc import abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from core.digests import file_digest
from core.errors import DataError
from marketdata.reading.options import ReadingOptions, Unset
from marketdata.reading.sheet import Sheet

from .base import RawTable, Source, distinct, read_bytes, unreadable


def _printable(symbol: str) -> str:
    if symbol.isprintable() and symbol == symbol.strip() and len(symbol) <= LONGEST:
        return symbol
    raise PydanticCustomError(
        "symbol_name", "a symbol must be printable, at most {most} characters, no blank at its ends", {"most": LONGEST}
    )


LONGEST = 80
Symbol = Annotated[str, Field(min_length=1), AfterValidator(_printable)]
PACKED = re.compile(r"\.(?:gz|zip|zst|xz|bz2)$", re.IGNORECASE)
LOCATIONS = ("files", "file", "folder")
NOT_IN_IDENTITY = (*LOCATIONS, "pattern", "symbols")


class Files(Source, ReadingOptions):
    """Files: one a symbol, all of a folder, or one with a column of symbols."""

    reports_extent: ClassVar[bool] = True

    files: Annotated[dict[Symbol, str] | None, Field(min_length=1), Unset] = None
    """Symbol to path of its file. A relative path is read from the file that states it."""
    file: Annotated[str | None, Unset] = None
    """In place of `files`: one file with the bars of several symbols, which a column names."""
    folder: Annotated[str | None, Unset] = None
    """In place of `files`: a folder with one file a symbol; the file's name is the symbol."""
    pattern: Annotated[str | None, Unset] = None
    """The files of `folder`, for example "*_daily.csv": what `*` stands for is the symbol; null: those of this kind."""
    symbols: Annotated[
        tuple[Symbol, ...] | None, Field(min_length=1), AfterValidator(lambda names: names and distinct(names)), Unset
    ] = None
    """Which symbols of `file` or `folder` to read, in order; null: all, in alphabetical order."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        stated = [name for name in LOCATIONS if getattr(self, name) is not None]
        if len(stated) != 1:
            raise PydanticCustomError(
                "place",
                "must have one of files, file and folder; it has {given}",
                {"given": " and ".join(stated) or "none"},
            )
        extra = next((name for name in ("pattern", "symbols") if getattr(self, name) is not None), None)
        if extra and (self.files or (extra == "pattern" and self.file)):
            raise PydanticCustomError(
                "place",
                "{extra} goes with {place}",
                {"extra": extra, "place": "folder" if extra == "pattern" else "file or folder", "path": [extra]},
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols: in the config's order, or alphabetical as the folder or the long file has them.

        Raises
        ------
        DataError
            There is no such folder or file, or it holds no symbol.
        """
        if self.files is not None:
            return tuple(self.files)
        return self.symbols or (tuple(self._in_folder()) if self.folder is not None else self._in_file())

    @property
    def dividends(self) -> bool | None:
        """True for adjusted closes, which contain dividends; None for other prices."""
        return True if self.adjust else None

    def paths(self) -> dict[str, Path]:
        """The files as given; one that is still relative is taken from the working directory."""
        if self.files is not None:
            return {symbol: Path(path).expanduser() for symbol, path in self.files.items()}
        if self.file is not None:
            return dict.fromkeys(self.names, Path(self.file).expanduser())
        by_symbol = self._in_folder()
        missing = [symbol for symbol in self.names if symbol not in by_symbol]
        if missing:
            raise DataError(f"{missing[0]} ({self.folder}): the folder has no such file; {_few(by_symbol)}")
        return {symbol: by_symbol[symbol] for symbol in self.names}

    def tables(self) -> dict[str, RawTable]:
        """One raw table a symbol."""
        return dict(self.each_table())

    def each_table(self) -> Iterator[tuple[str, RawTable]]:
        """One raw table a symbol, each read when it is asked for."""
        if self.file is None:
            for symbol, path in self.paths().items():
                yield symbol, self._table(symbol, path)
            return
        tables = dict(self._sheet().tables(self.file))
        for symbol in self.names:
            if symbol not in tables:
                raise DataError(f"{symbol} ({self.file}): the file has no such symbol; {_few(tables)}")
            yield symbol, tables[symbol]

    def attempts(self) -> Iterator[tuple[str, RawTable | DataError]]:
        """One raw table a symbol, or the error that its file raised."""
        if self.file is not None:
            yield from super().attempts()
            return
        for symbol, path in self.paths().items():
            try:
                yield symbol, self._table(symbol, path)
            except DataError as error:
                yield symbol, error

    def _table(self, symbol: str, path: Path) -> RawTable:
        sheet = self.read(read_bytes(symbol, path), f"{symbol} ({path})", path.name)
        return sheet.table(symbol, str(path))

    def digests(self) -> dict[str, str]:
        """The SHA-256 of each symbol's file."""
        paths = self.paths()
        by_path: dict[Path, str] = {}
        for symbol, path in paths.items():
            if path not in by_path:
                try:
                    by_path[path] = file_digest(path)
                except OSError as error:
                    raise unreadable(symbol, path, error) from error
        return {symbol: by_path[path] for symbol, path in paths.items()}

    def identity(self) -> dict[str, Any]:
        """The source without paths; keys that are not set are not in it, so that ids from before they existed hold."""
        values = {key: value for key, value in self.dump().items() if key not in NOT_IN_IDENTITY}
        return {**{key: value for key, value in values.items() if key != "adjust" or value}, "files": self.digests()}

    def _in_folder(self) -> dict[str, Path]:
        """The folder's files by symbol, in alphabetical order."""
        folder = Path(str(self.folder)).expanduser()
        pattern = self.pattern or f"*.{self.kind}*"
        try:
            paths = sorted(path for path in folder.iterdir() if path.is_file() and path.match(pattern))
        except OSError as error:
            raise DataError(
                f"{folder}: the folder cannot be read: {error.strerror}; check data.source.folder"
            ) from error
        by_symbol: dict[str, Path] = {}
        for path in paths:
            symbol = _symbol_of(path.name, self.pattern)
            if symbol in by_symbol:
                raise DataError(
                    f"{symbol}: {by_symbol[symbol].name} and {path.name} are both its file; state a `pattern`"
                )
            by_symbol[symbol] = path
        if not by_symbol:
            raise DataError(f"{folder}: the folder has no file {pattern}; check data.source.pattern")
        return by_symbol

    def _in_file(self) -> tuple[str, ...]:
        path = Path(str(self.file)).expanduser()
        try:
            status = path.stat()
        except OSError as error:
            raise unreadable("file", path, error) from error
        return _names(self, (status.st_size, status.st_mtime_ns))

    def _sheet(self) -> Sheet:
        path = Path(str(self.file)).expanduser()
        return self.read(read_bytes("file", path), f"file ({path})", path.name)

    @abstractmethod
    def read(self, content: bytes, label: str, file: str) -> Sheet:
        """The sheet in a file's bytes; ``label`` names symbol and file in messages, ``file`` is its name."""


@lru_cache(maxsize=64)
def _names(source: Files, state: tuple[int, int]) -> tuple[str, ...]:
    """The symbols of a long file; ``state`` changes with the file."""
    del state
    sheet = source._sheet()  # a part of the class, remembered between its objects
    if sheet.symbols is None:
        advice = "name it in the source: `columns: {symbol: ...}`, or write `files:` for a file of one symbol"
        raise DataError(f"file ({source.file}): no column says whose bars the rows are; {advice}")
    return tuple(sorted(sheet.symbols.names))


def _symbol_of(name: str, pattern: str | None) -> str:
    """The symbol of a file's name: what ``*`` stands for, or the name without its endings."""
    plain = PACKED.sub("", name)
    if pattern and pattern.count("*") == 1:
        head, tail = PACKED.sub("", pattern).split("*")
        if tail and plain.endswith(tail) and plain.startswith(head) and len(plain) > len(head) + len(tail):
            return plain[len(head) : len(plain) - len(tail)]
    return Path(plain).stem


def _few(names: Any) -> str:
    listed = list(names)
    return f"it has {', '.join(listed[:5])}{' ...' if len(listed) > 5 else ''}"
