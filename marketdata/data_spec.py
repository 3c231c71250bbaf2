"""The config's ``data`` block: prices, span and traded symbols."""

import difflib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from core.errors import DataError
from core.plugins import PluginField
from core.spec import Spec
from core.types import Bars, Market
from marketdata.sources._files import NOT_IN_IDENTITY, Files
from marketdata.sources.base import RawTable, Source

from .bar_size import extent
from .benchmark import BASKET, BasketSpec, Benchmark, BenchmarkSpec
from .checked_bars import Examination, Span, checked_bars
from .cross_symbol_checks import require_together
from .doctor.calendars import known_calendar
from .doctor.finding import Finding
from .doctor.series_checks import REFUSING
from .doctor.symbols import symbol_findings, unfinished
from .market_cache import market_key, store_for
from .news import NewsSpec
from .repair import Repair, parsed
from .timestamps import Session

log = logging.getLogger(__name__)

MOST_LISTED = 10  # symbols named in one note


class DataSpec(Spec):
    """Prices, span, benchmark and traded symbols."""

    source: Annotated[Source, PluginField("marketdata.sources")]
    """Where prices come from: a mapping with a kind, for example {kind: sample, symbols: [nasdaq]}."""
    start: date | None = None
    """First session, inclusive (YYYY-MM-DD); null: the file's first."""
    end: date | None = None
    """Last session, inclusive (YYYY-MM-DD); null: the file's last."""
    benchmark: Benchmark | None = None
    """What to compare with: a symbol; {source: ...} of its own, which is not traded; basket, the traded symbols in
    equal parts, bought once, or {kind: basket, rebalanced: true}; null: the only traded symbol, or the basket of
    several."""
    trade: tuple[str, ...] | None = None
    """The symbols to trade; null: all but the benchmark, unless it is the only one."""
    session_close: str | None = None
    """When a bar that bears only a date closes, as "16:00 America/New_York"; null: the source's default."""

    session_end: Annotated[str | None, Field(exclude_if=lambda end: end is None)] = None
    """When a session ends, as "17:00 America/New_York": bars that close later belong to the next day's session; dates
    close then, too, if session_close is not stated. null: at midnight of the zone of session_close."""

    # Written out only where they are set: the ids of configs are older than they are.
    calendar: Annotated[str | None, Field(exclude_if=lambda calendar: calendar is None)] = None
    """Days on which bars are expected: 24/7, fx, weekdays, or an exchange's code such as XNYS (extra `calendars`); a
    note counts the days without a bar. null: gaps are judged by the series itself."""
    repair: Annotated[tuple[str | dict[str, Any], ...], Field(exclude_if=lambda repair: not repair)] = ()
    """What may be repaired, each counted in a note: sort, drop_exact_duplicates, keep: last, drop_null_rows,
    drop_zero_rows, drop_weekend, clamp: 0.1 %, adjust."""
    accept: Annotated[tuple[str, ...], Field(exclude_if=lambda accept: not accept)] = ()
    """Findings of the doctor that refuse a run and are right all the same, for example [unit_error]; they stay beside
    the verdict as warnings."""
    news: Annotated[NewsSpec | None, Field(exclude_if=lambda news: news is None)] = None
    """Dated headlines, which features of text read: {file: news.csv}; null: none."""

    @model_validator(mode="after")
    def _adjusted_source(self) -> Self:
        """The repair `adjust` is the source's key of this name."""
        source = self.source
        if "adjust" not in self.repair or not isinstance(source, Files) or source.adjust:
            return self
        return self.model_copy(update={"source": source.model_copy(update={"adjust": True})})

    @field_validator("calendar")
    @classmethod
    def _known_calendar(cls, name: str | None) -> str | None:
        try:
            return name and known_calendar(name)
        except DataError as error:
            raise PydanticCustomError("calendar", "{why}", {"why": error.line}) from error

    @field_validator("repair")
    @classmethod
    def _known_repair(cls, entries: tuple[str | dict[str, Any], ...]) -> tuple[str | dict[str, Any], ...]:
        parsed(entries)
        return entries

    @field_validator("accept")
    @classmethod
    def _refusing_check(cls, accept: tuple[str, ...]) -> tuple[str, ...]:
        for name in accept:
            if name not in REFUSING:
                text = "has no check {name} that refuses a run; known: {known}"
                raise PydanticCustomError("accept", text, {"name": repr(name), "known": ", ".join(sorted(REFUSING))})
        return accept

    @field_validator("news")
    @classmethod
    def _known_close(cls, news: NewsSpec | None, info: ValidationInfo) -> NewsSpec | None:
        source = info.data.get("source")
        if news and isinstance(source, Source) and source.reports_extent and not info.data.get("session_close"):
            text = 'needs data.session_close, for example "16:00 America/New_York": when does a day\'s news end?'
            raise PydanticCustomError("news_close", text)
        return news

    @field_validator("end")
    @classmethod
    def _not_before_start(cls, end: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("start")
        if start and end and end < start:
            raise PydanticCustomError(
                "span", "start {start} is after end {end}", {"start": str(start), "end": str(end)}
            )
        return end

    @field_validator("benchmark")
    @classmethod
    def _known_benchmark(cls, benchmark: Benchmark | None, info: ValidationInfo) -> Benchmark | None:
        names = _names(info)
        if isinstance(benchmark, BenchmarkSpec):
            _require_new(benchmark.symbol, names)
        elif isinstance(benchmark, str) and benchmark != BASKET:
            _require_known([benchmark], names)
        return benchmark

    @field_validator("trade")
    @classmethod
    def _known_trade(cls, trade: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        if trade is None:
            return None
        _require_known(trade, _names(info))
        if not trade or len(set(trade)) < len(trade):
            raise PydanticCustomError("trade", "must name at least one symbol, and each once")
        return trade

    @field_validator("session_close")
    @classmethod
    def _readable_session(cls, text: str | None) -> str | None:
        return text and str(Session.parse(text))

    @field_validator("session_end")
    @classmethod
    def _one_zone(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:
            return None
        end = Session.parse(text)
        close = info.data.get("session_close")
        if close and Session.parse(close).zone != end.zone:
            raise PydanticCustomError("session_end", "must have the zone of session_close, {close}", {"close": close})
        return str(end)

    @property
    def session(self) -> Session:
        """The close of a date's session: as stated, or the source's default; and when sessions end."""
        stated = self.session_close or self.session_end
        session = Session.parse(stated) if stated else Session(*self.source.session_close, stated=False)
        end = Session.parse(self.session_end).time if self.session_end else ""
        return replace(session, end="" if end == "00:00" else end)

    @property
    def basket(self) -> Literal["", "held", "rebalanced"]:
        """The kind of basket if the benchmark is one: named, or several symbols are traded and none is named."""
        benchmark = self.benchmark
        if isinstance(benchmark, BasketSpec):
            return "rebalanced" if benchmark.rebalanced else "held"
        if benchmark is None:
            return "held" if len(self.trade or self.source.names) > 1 else ""
        return "held" if benchmark == BASKET and BASKET not in self.source.names else ""

    @property
    def benchmark_symbol(self) -> str:
        """The benchmark's name: `basket` for a basket; the only traded symbol if none is named."""
        benchmark = self.benchmark
        if self.basket:
            return BASKET
        if isinstance(benchmark, BenchmarkSpec):
            return benchmark.symbol
        return benchmark if isinstance(benchmark, str) else (self.trade or self.source.names)[0]

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source that is read: the traded symbols', and the benchmark's if it has one of its own."""
        benchmark = self.benchmark
        return (self.source, benchmark.source) if isinstance(benchmark, BenchmarkSpec) else (self.source,)

    @property
    def trade_symbols(self) -> tuple[str, ...]:
        """The traded symbols: as stated, or all but the benchmark unless it is the only one."""
        names = self.source.names
        others = names if self.basket else tuple(name for name in names if name != self.benchmark_symbol)
        return self.trade or others or (self.benchmark_symbol,)

    def load(self) -> Market:
        """Read, cut and check the prices.

        Raises
        ------
        DataError
            A file is missing, a check refuses it, it has no bar in the span, or the symbols do not belong together.
        """
        market = self._cached() or self._prices()
        market = _with_findings(market, unfinished(market, pd.Timestamp.now("UTC")))
        return self._with_news(market) if self.news else market

    def _cached(self) -> Market | None:
        """The market from the cache, read and kept if it is not there; None where the cache has no part in it."""
        sources = [source for source in self.sources if isinstance(source, Files)]
        files = {symbol: path for source in sources for symbol, path in source.paths().items()}
        store = store_for(list(files.values())) if len(sources) == len(self.sources) else None
        if store is None:
            return None
        key = market_key(store, files, {**self.identity_without_files(), "session": str(self.session)})
        market = store.get(key)
        if market is None:
            market = self._prices()
            store.put(key, market)
        return market

    def identity_without_files(self) -> dict[str, Any]:
        """The block without what its files hold and where they are."""
        values = self.dump()
        values.pop("news", None)
        return {
            **values,
            "source": _placeless(self.source),
            "benchmark": [_placeless(self.sources[-1]), self.benchmark_symbol, self.basket],
        }

    def _prices(self) -> Market:
        bars: dict[str, Bars] = {}
        notes: dict[str, list[str]] = {}  # a note that holds for several symbols is written once
        warnings: dict[str, None] = {}
        where: dict[str, str] = {}
        reading: dict[str, str] = {}
        trade = frozenset(self.trade_symbols)
        examination = self.examination
        for symbol, raw in self._tables():
            judged = checked_bars(symbol, raw, examination, traded=symbol in trade)
            bars[symbol] = judged.bars
            where[symbol] = raw.where
            if raw.recognition:
                reading[symbol] = raw.recognition.text
                log.info("%s (%s): read as %s", symbol, raw.where, raw.recognition.text)
            texts = [finding.text for finding in judged.findings]
            warnings.update(dict.fromkeys(texts))
            for note in (*judged.notes, *texts):
                notes.setdefault(note, []).append(symbol)
        self._require_known_symbols(bars)
        market = Market(
            bars,
            self.trade_symbols,
            self.benchmark_symbol,
            self.session.market_zone,
            basket=self.basket,
            reading=reading,
        )
        require_together(market, where)
        stated = {note: f"{_listed(symbols)}: {note}" for note, symbols in notes.items()}
        market = replace(
            market,
            notes=(*stated.values(), *self._disclosures(market)),
            warnings=tuple(stated[text] for text in warnings),
        )
        return _with_findings(market, symbol_findings(market))

    def _tables(self) -> Iterator[tuple[str, RawTable]]:
        """Every symbol's raw table, read when it is asked for."""
        for source in self.sources:
            yield from source.each_table()

    @property
    def examination(self) -> Examination:
        """The rules by which each table is cut, repaired and judged."""
        return Examination(self.session, self._span, self.repairs, self.calendar, frozenset(self.accept))

    @property
    def repairs(self) -> Repair:
        """The repairs that the block asks for."""
        return parsed(self.repair)

    @property
    def _span(self) -> Span:
        return Span(self.start, self.end)

    def _require_known_symbols(self, bars: Mapping[str, Bars]) -> None:
        """The choice that cannot be checked with the config where symbols stand in files that were not there then."""
        named = self.trade_symbols if self.basket else (*self.trade_symbols, self.benchmark_symbol)
        unknown = next((symbol for symbol in named if symbol not in bars), None)
        if unknown:
            raise DataError(f"the data have no symbol {unknown!r}; they have {_listed(list(bars))}")

    def _with_news(self, market: Market) -> Market:
        if self.news is None:
            return market
        news, notes = self.news.load(tuple(market.bars), market.zone, market.times[-1])
        return replace(market, news=news, notes=(*notes, *market.notes))

    def digests(self) -> dict[str, str]:
        """The SHA-256 of each symbol's file, and of the news."""
        news = {"news": self.news.digest()} if self.news else {}
        return {symbol: value for source in self.sources for symbol, value in source.digests().items()} | news

    def identity(self) -> dict[str, Any]:
        """The content that identifies a data block: digests instead of paths, every default written out."""
        return {
            **self.dump(),
            "source": self.source.identity(),
            "benchmark": self._benchmark_identity(),
            "trade": list(self.trade_symbols),
            "session_close": str(self.session),
            **({"news": self.news.identity()} if self.news else {}),
        }

    def _benchmark_identity(self) -> str | dict[str, Any]:
        benchmark = self.benchmark
        if self.basket:
            return {"basket": self.basket}
        return (
            {"source": benchmark.source.identity()} if isinstance(benchmark, BenchmarkSpec) else self.benchmark_symbol
        )

    def _disclosures(self, market: Market) -> Iterator[str]:
        """Notes on the choice of data for the reader of the results."""
        if self.source.reports_extent:
            yield extent(market.times, market.zone)
        for source in self.sources:
            yield from source.notes
        if self.source.dividends and not self.sources[-1].dividends:
            kind = "a price index" if self.sources[-1].dividends is False else "not known to contain dividends"
            yield f"benchmark {market.benchmark} is {kind}, beside dividend-adjusted prices: that favours the strategy"


def _with_findings(market: Market, findings: Iterable[tuple[str, Finding]]) -> Market:
    """The market with more findings of the doctor."""
    texts = tuple(f"{symbol}: {finding.text}" for symbol, finding in findings)
    return replace(market, notes=(*market.notes, *texts), warnings=(*market.warnings, *texts)) if texts else market


def _placeless(source: Source) -> dict[str, Any]:
    return {key: value for key, value in source.dump().items() if key not in NOT_IN_IDENTITY}


def _names(info: ValidationInfo) -> tuple[str, ...]:
    """The source's symbols; none if the source was refused, or its files are not there, so that only that is said."""
    source = info.data.get("source")
    try:
        return source.names if isinstance(source, Source) else ()
    except DataError:
        return ()


def _listed(symbols: Sequence[str]) -> str:
    """Symbols in a note: the first of many, and how many there are."""
    if len(symbols) <= MOST_LISTED:
        return ", ".join(symbols)
    return f"{', '.join(symbols[:MOST_LISTED])} and {len(symbols) - MOST_LISTED} more"


def _require_new(symbol: str, names: tuple[str, ...]) -> None:
    if symbol in names:
        raise PydanticCustomError(
            "benchmark_twice",
            "the data's source has a symbol {symbol}, too: write `benchmark: {symbol}`, or name one of them otherwise",
            {"symbol": symbol},
        )


def _require_known(symbols: Iterable[str], names: tuple[str, ...]) -> None:
    unknown = [symbol for symbol in symbols if names and symbol not in names]
    if unknown:
        close = difflib.get_close_matches(unknown[0], names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
        raise PydanticCustomError(
            "symbol", "the source has no symbol {symbol}; {hint}", {"symbol": repr(unknown[0]), "hint": hint}
        )
