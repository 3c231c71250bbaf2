"""Dated headlines from the user's own file, checked line by line, each with the time at which it was known."""

import csv
import gzip
import io
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from zoneinfo import ZoneInfo

import pandas as pd
from pydantic import AfterValidator, Field

from core.clock import split_zone
from core.digests import file_digest
from core.errors import DataError
from core.spec import Spec
from core.types import News

from .timestamps import known_zone

STAMPS = ("published_at", "datetime", "timestamp", "date", "time")
TEXTS = ("headline", "title", "text")
SYMBOLS = ("symbol", "ticker", "stock")
WIDE = re.compile(r"top\d+", re.IGNORECASE)
WRAPPED = re.compile(r"""b(['"])(.*)\1""", re.DOTALL)
DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
ILLUSTRATIVE = "the news are illustrative: written for an example, so profit made on them is evidence of nothing"

Record: TypeAlias = tuple[int, Mapping[str, Any]]
"""The number of a line, and its values by lower-case column name."""


def _zone(name: str | None) -> str | None:
    if name is not None:
        known_zone(name)
    return name


class NewsSpec(Spec):
    """Dated headlines of the traded symbols."""

    file: str
    """A CSV or JSONL file, `.gz` or not; a relative path is read from the file that states it."""
    zone: Annotated[str | None, AfterValidator(_zone)] = None
    """The zone of stamps that have a time of day but no offset; null: such stamps are refused."""
    symbol: Annotated[str, Field(min_length=1)] | None = None
    """The symbol that all headlines are about, for a file without a column that says so."""
    illustrative: bool = False
    """Whether they were made up for an example: the report then says that profit on them is evidence of nothing."""

    @property
    def path(self) -> Path:
        """The file as given; one that is still relative is taken from the working directory."""
        return Path(self.file).expanduser()

    def digest(self) -> str:
        """The SHA-256 of the file."""
        try:
            return file_digest(self.path)
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def identity(self) -> dict[str, Any]:
        """The content that identifies a news block, without paths."""
        return {"file": self.digest(), "zone": self.zone, "symbol": self.symbol}

    def load(self, symbols: Collection[str], zone: str, last: pd.Timestamp) -> tuple[News, tuple[str, ...]]:
        """Read the headlines.

        Parameters
        ----------
        symbols : those of the data; headlines about others are left out, with a note.
        zone : the market's time zone, in which a date alone ends.
        last : the last close; there must be a headline that was known by then.

        Returns
        -------
        The headlines in the order in which they became known, and notes on them.

        Raises
        ------
        DataError
            The file cannot be read, lacks a column, has a stamp or a text that cannot be used (the line is named), or
            no headline about a symbol of the data before its end.
        """
        headlines = [_headline(self, record, zone) for record in _records(self.path)]
        if not headlines:
            raise DataError(f"news ({self.path}): the file has no headline below its first line")
        selected = [headline for headline in headlines if headline.symbol in symbols]
        if not selected:
            others = ", ".join(sorted({headline.symbol for headline in headlines})[:5])
            raise DataError(
                f"news ({self.path}): no headline is about a symbol of the data ({', '.join(symbols)}); they are about "
                f"{others}; rename them, or set news.symbol"
            )
        selected.sort(key=lambda headline: headline.known_at)  # stable: of two at once the earlier line stays first
        first = selected[0].known_at
        if first > last:
            raise DataError(f"news ({self.path}): the first headline is known at {first}, after the last bar at {last}")
        stamps = pd.DatetimeIndex([headline.known_at for headline in selected]).as_unit("ns")
        about = tuple(headline.symbol for headline in selected)
        texts = tuple(headline.text for headline in selected)
        return News(stamps, about, texts), tuple(self._notes(headlines, selected))

    def _notes(self, headlines: "list[Headline]", selected: "list[Headline]") -> Iterator[str]:
        if self.illustrative:
            yield ILLUSTRATIVE
        if len(selected) < len(headlines):
            others = len(headlines) - len(selected)
            yield f"news: {others} of {len(headlines)} headlines are about no symbol of the data"
        repeated = len(selected) - len({(headline.known_at, headline.symbol, headline.text) for headline in selected})
        if repeated:
            yield f"news: {repeated} headlines stand there twice, and count twice"
        dates = sum(headline.date_alone for headline in selected)
        if dates:
            yield f"news: {dates} of {len(selected)} headlines bear a date alone, and are known when that day ends"


@dataclass(frozen=True)
class Headline:
    """One headline: the time at which it was known, its symbol, its text; ``date_alone`` if its stamp has no time."""

    known_at: pd.Timestamp
    symbol: str
    text: str
    date_alone: bool


def _headline(spec: NewsSpec, record: Record, zone: str) -> Headline:
    line, values = record
    where = f"news ({spec.path}): line {line}"
    stamp = _cell(values, STAMPS)
    text = _cell(values, TEXTS)
    if not stamp:
        raise DataError(f"{where}: has no stamp; give it a time with its offset, or a date alone")
    if not text:
        raise DataError(f"{where}: has no text; remove the line or give it its headline")
    symbol = _cell(values, SYMBOLS) or spec.symbol
    if not symbol:
        raise DataError(f"{where}: says no symbol; add a column {SYMBOLS[0]}, or set news.symbol")
    known_at = headline_time(stamp, spec.zone, zone, where)
    return Headline(known_at, symbol, text, DAY.fullmatch(stamp) is not None)


def headline_time(stamp: str, naive: str | None, market: str, where: str) -> pd.Timestamp:
    """The time at which a headline was known; for a date alone the end of that day in the market's zone.

    Parameters
    ----------
    stamp : ISO text.
    naive : zone of a time of day without an offset; None: refused.
    market : zone of the market.
    where : file and line, for messages.

    Raises
    ------
    DataError
        It is no stamp.
    """
    advice = "write 2020-01-31T14:30:00-05:00, or 2020-01-31 alone"
    try:
        if DAY.fullmatch(stamp):
            following = datetime.combine(date.fromisoformat(stamp) + timedelta(days=1), datetime.min.time())
            return pd.Timestamp(following.replace(tzinfo=ZoneInfo(split_zone(market)[1]))).tz_convert("UTC")
        time = datetime.fromisoformat(stamp)
    except ValueError as error:
        raise DataError(f"{where}: {stamp!r} is no stamp ({error}); {advice}") from error
    if time.tzinfo is None and naive is None:
        raise DataError(f"{where}: {stamp!r} has a time of day but no zone; {advice}, or set news.zone")
    if time.tzinfo is None:
        time = time.replace(tzinfo=ZoneInfo(str(naive)))
    return pd.Timestamp(time).tz_convert("UTC")


def _cell(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of some columns that is there, as text without blanks around it."""
    for name in names:
        if name in values:
            return str(values[name] if values[name] is not None else "").strip()
    return ""


def _records(path: Path) -> Iterator[Record]:
    text = _text(path)
    name = path.name.removesuffix(".gz").lower()
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return _objects(path, text)
    return _rows(path, text)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise _unreadable(path, error) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"news ({path}): line {line} is not UTF-8; save the file as UTF-8 text") from error
    if "\0" in text:
        raise DataError(f"news ({path}): the file is binary; it must be CSV or JSONL text")
    if not text.strip():
        raise DataError(f"news ({path}): the file is empty; it needs {STAMPS[0]}, {SYMBOLS[0]} and {TEXTS[0]}")
    return text


def _objects(path: Path, text: str) -> Iterator[Record]:
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        try:
            value = json.loads(content)
        except ValueError as error:
            raise DataError(f"news ({path}): line {line} is not JSON ({error}); write one object a line") from error
        if not isinstance(value, dict):
            raise DataError(f"news ({path}): line {line} is no object; write one object a line")
        lowered = {str(key).lower(): item for key, item in value.items()}
        _require(path, lowered, f"line {line}")
        yield line, lowered


def _rows(path: Path, text: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        header = [name.strip().lower() for name in next(reader)]
        wide = [name for name in header if WIDE.fullmatch(name)]
        _require(path, dict.fromkeys(header) | ({TEXTS[0]: None} if wide else {}), "the first line")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                problem = f"{len(cells)} cells where the first line has {len(header)}"
                raise DataError(f"news ({path}): line {reader.line_num}: {problem}; put texts with commas in quotes")
            values = dict(zip(header, cells, strict=True))
            yield from _unfolded(reader.line_num, values, wide) if wide else [(reader.line_num, values)]
    except csv.Error as error:
        raise DataError(f"news ({path}): line {reader.line_num} is not comma-separated text: {error}") from error


def _unfolded(line: int, values: Mapping[str, str], wide: list[str]) -> Iterator[Record]:
    """One record for each of the columns Top1, Top2, ... that holds a headline; ``b'...'`` is taken off."""
    stamps = {name: item for name, item in values.items() if name not in wide}
    for name in wide:
        text = values[name].strip()
        wrapped = WRAPPED.fullmatch(text)
        if text:
            yield line, {**stamps, TEXTS[0]: wrapped[2] if wrapped else text}


def _require(path: Path, columns: Mapping[str, Any], where: str) -> None:
    for names, content in ((STAMPS, "a stamp"), (TEXTS, "a text")):
        if not any(name in columns for name in names):
            names_found = ", ".join(columns) or "nothing"
            problem = f"{where} has no column for {content} ({', '.join(names)})"
            raise DataError(f"news ({path}): {problem}; it has {names_found}")


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or error
    return DataError(f"news ({path}): the file cannot be read: {reason}; check its path")
