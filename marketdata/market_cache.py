"""A cache of checked markets: files that were read once are not read again until they change.

An entry is one file, named by what decides it: the digests of the data files, the ``data`` block without its paths, the
code of this package and the versions of the libraries that parse. Its first line is a checksum of the rest. Arrays are
mapped into memory, not copied. No problem with the cache fails a run: the files are read instead.
"""

import json
import logging
import mmap
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from time import time_ns
from typing import Any

import numpy as np
import pandas as pd

from core.caches import cache_folder, caches_used
from core.digests import canonical, digest, file_digest, tree_digest
from core.errors import StoreError
from core.files import TEMPORARY, write_atomically
from core.types import COLUMNS, Bars, Market

ENTRY, SEEN = ".market", ".seen"
LIMIT = 2 * 1024**3  # bytes; beyond it the entries that were not used for longest are removed
WORTH = 1_000_000  # bytes of data files below which reading them again costs nothing
SETTLED = 2 * 10**9  # ns that a file must be unchanged for before its size and time stand for its content
ALIGNED = 64
ROOT = Path(__file__).resolve().parent
LIBRARIES = ("numpy", "pandas", "pyarrow")
log = logging.getLogger(__name__)
_used: ContextVar[bool] = ContextVar("markets_used", default=True)


@contextmanager
def keeping_markets(used: bool) -> Iterator[None]:
    """A block in which markets are read from the cache and kept, or not."""
    token = _used.set(used)
    try:
        yield
    finally:
        _used.reset(token)


@dataclass(frozen=True)
class MarketStore:
    """A folder of checked markets."""

    folder: Path

    def get(self, key: str) -> Market | None:
        """The market under a key; None where there is none, or where the entry is damaged (it is removed then)."""
        path = self._path(key)
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                market = None
                check, start = _line(content, 0)
                if zlib.crc32(memoryview(content)[start:]) == int(check, 16):
                    header, start = _line(content, start)
                    market = (json.loads(header), start)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, BufferError):
            market = None
        if market is None:
            log.warning("cache: %s is damaged; it is removed, and the files are read again", path)
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            path.touch()
        return _market(path, *market)

    def put(self, key: str, market: Market) -> None:
        """Keep a market under a key, and make room for it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path(key), _packed(market))
            self._trim(key)
        except OSError as error:
            log.warning("cache: the market cannot be kept in %s: %s", self.folder, error)

    def entries(self) -> list[Path]:
        """The files of the markets."""
        return sorted(self.folder.glob(f"*{ENTRY}"))

    def clear(self) -> int:
        """Remove all entries; returns their number.

        Raises
        ------
        StoreError
            One cannot be removed.
        """
        entries = self.entries()
        try:
            for path in [*entries, *self.folder.glob(f"*{SEEN}"), *self.folder.glob(f"*{TEMPORARY}")]:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cache: {error.filename} cannot be removed: {error.strerror}") from error
        return len(entries)

    def digest_of(self, path: Path) -> str:
        """The SHA-256 of a data file; of one that has not changed since it was last read, from here.

        A file counts as unchanged if its size, its time of change and its number are the same, and if that time was
        some seconds old when the digest was taken.
        """
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns, status.st_ino]
        note = self.folder / f"{digest(str(path.resolve()))[:32]}{SEEN}"
        with suppress(OSError, ValueError):
            noted = json.loads(note.read_bytes())
            if isinstance(noted, list) and noted[:-1] == state:
                return str(noted[-1])
        value = file_digest(path)
        if time_ns() - status.st_mtime_ns > SETTLED:
            with suppress(OSError):
                self.folder.mkdir(parents=True, exist_ok=True)
                write_atomically(note, canonical([*state, value]))
        return value

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{ENTRY}"

    def _trim(self, keep: str) -> None:
        entries = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in self.entries()), reverse=True)
        total = 0
        for _, size, path in entries:
            total += size
            if total > LIMIT and path != self._path(keep):
                path.unlink(missing_ok=True)


def market_store() -> MarketStore:
    """The cache of markets."""
    return MarketStore(cache_folder() / "markets")


def store_for(files: Sequence[Path]) -> MarketStore | None:
    """The cache, if it may be used and the files are worth it."""
    if not (_used.get() and caches_used()):
        return None
    try:
        return market_store() if sum(path.stat().st_size for path in set(files)) >= WORTH else None
    except OSError:
        return None  # the source names the file that is missing


def market_key(store: MarketStore, files: Mapping[str, Path], block: Mapping[str, Any]) -> str:
    """The key of a market.

    Parameters
    ----------
    files : by symbol.
    block : everything else that decides it.
    """
    digests = {path: store.digest_of(path) for path in set(files.values())}
    named = [[symbol, path.name, digests[path]] for symbol, path in files.items()]
    return digest([named, dict(block), reader_version()])


@cache
def reader_version() -> str:
    """One digest over the code that reads and checks, and the versions of the libraries below it."""
    core = ROOT.parent / "core"
    files = [*ROOT.rglob("*.py"), core / "clock.py", core / "types.py"]
    return digest([tree_digest(files, ROOT.parent), [version(name) for name in LIBRARIES]])


def _packed(market: Market) -> bytes:
    arrays = [array for bars in market.bars.values() for array in _arrays(bars)]
    header = {
        "bars": {symbol: len(bars) for symbol, bars in market.bars.items()},
        "trade": list(market.trade),
        "benchmark": market.benchmark,
        "zone": market.zone,
        "notes": list(market.notes),
        "warnings": list(market.warnings),
        "reading": dict(market.reading),
        "basket": market.basket,
    }
    text = canonical({**header, "order": list(market.bars)})
    start = 9 + len(text) + 1
    text += b" " * (-start % ALIGNED) + b"\n"
    payload = b"".join([text, *(array.tobytes() for array in arrays)])
    return f"{zlib.crc32(payload):08x}\n".encode() + payload


def _arrays(bars: Bars) -> Iterator[np.ndarray[Any, Any]]:
    yield bars.times.as_unit("ns").asi8
    for name in COLUMNS:
        yield getattr(bars, name)


def _line(content: mmap.mmap, start: int) -> tuple[bytes, int]:
    end = content.find(b"\n", start)
    if end < 0:
        raise ValueError("no line")
    return content[start:end], end + 1


def _market(path: Path, header: Mapping[str, Any], start: int) -> Market:
    """The market of an entry: its arrays are parts of the file, mapped into memory."""
    values = np.memmap(path, mode="r", dtype=np.uint8)
    bars = {}
    for symbol in header["order"]:
        width = header["bars"][symbol] * 8
        parts = [values[start + number * width : start + (number + 1) * width] for number in range(1 + len(COLUMNS))]
        times = pd.DatetimeIndex(parts[0].view(np.ndarray).view("M8[ns]")).tz_localize("UTC")
        columns = (part.view(np.ndarray).view(np.float64) for part in parts[1:])
        bars[symbol] = Bars(symbol, times, *columns)
        start += width * len(parts)
    return Market(
        bars,
        tuple(header["trade"]),
        header["benchmark"],
        header["zone"],
        tuple(header["notes"]),
        reading=header["reading"],
        warnings=tuple(header["warnings"]),
        basket=header["basket"],
    )
