"""The diagnosis of a data block: every finding of every file at once, those that refuse a run included."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import DataError
from core.types import Bars, Market
from marketdata.checked_bars import Cut, Examination, cut_to_span
from marketdata.cross_symbol_checks import together_faults
from marketdata.data_faults import MAX_LISTED
from marketdata.data_spec import DataSpec
from marketdata.sources.base import RawTable, Source
from marketdata.timestamps import Session
from marketdata.validation import checked, faults

from .finding import Finding, Series, Severity
from .series_checks import findings_of
from .symbols import symbol_findings, unfinished

KINDS = {".parquet": "parquet", ".pq": "parquet", ".json": "json"}
ANY_ZONE = Session("23:59", "UTC")


@dataclass(frozen=True)
class Entry:
    """One finding about one file, as the doctor prints it.

    Attributes
    ----------
    symbol, file : what it is about; the file is empty where it concerns several.
    check, severity, problem, advice : as in :class:`marketdata.doctor.finding.Finding`.
    rows : names of its first rows: number, line and date, and the close there.
    count : the number of its rows; 0 if it concerns the whole table.
    """

    symbol: str
    file: str
    check: str
    severity: Severity
    problem: str
    advice: str
    rows: tuple[str, ...] = ()
    count: int = 0

    @property
    def line(self) -> str:
        """The finding in one line."""
        more = f" and {self.count - len(self.rows)} more" if self.count > len(self.rows) else ""
        rows = f" [row {'; '.join(self.rows)}{more}]" if self.rows else ""
        advice = f"; {self.advice}" if self.advice else ""
        return f"{self.severity:6s} {self.symbol}: {self.check}: {self.problem}{advice}{rows}"


@dataclass(frozen=True, eq=False)
class SymbolDiagnosis:
    """One symbol's table with its findings.

    Attributes
    ----------
    entries : the findings as they are printed, those that refuse first.
    findings : those of the doctor, in rows of ``series``.
    series : the sound bars; None where there are none.
    bars : as a run would use them; None if the file is refused by the form or values of its rows.
    """

    symbol: str
    file: str
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()
    series: Series | None = None
    bars: Bars | None = None


def block_of(path: Path) -> DataSpec:
    """The block that reads a data file without a config: one symbol, or all those that its column names."""
    kind = KINDS.get(path.suffix.lower(), "csv")
    try:
        several = DataSpec.parse({"source": {"kind": kind, "file": str(path)}})
        if len(several.source.names) > 1:
            return several
    except DataError:
        pass  # it names no symbols, or it cannot be read, which the diagnosis says
    return DataSpec.parse({"source": {"kind": kind, "files": {path.name.split(".")[0].strip() or "data": str(path)}}})


def diagnose(spec: DataSpec) -> tuple[tuple[SymbolDiagnosis, ...], tuple[Entry, ...]]:
    """Every table with its findings, and the findings about symbols side by side."""
    diagnoses = tuple(diagnosis for source in spec.sources for diagnosis in _patients(source, spec))
    bars = {diagnosis.symbol: diagnosis.bars for diagnosis in diagnoses if diagnosis.bars is not None}
    if not bars:
        return diagnoses, ()
    market = _market_of(bars, spec)
    files = {diagnosis.symbol: diagnosis.file for diagnosis in diagnoses}
    refused = [_refusal("all", "", "together", fault) for fault in together_faults(market, files)]
    together = [*symbol_findings(market), *unfinished(market, pd.Timestamp.now("UTC"))]
    return diagnoses, (
        *refused,
        *(Entry(symbol, "", item.check, item.severity, item.problem, item.advice) for symbol, item in together),
    )


def _market_of(bars: dict[str, Bars], spec: DataSpec) -> Market:
    """The symbols that could be read, in the parts that the block gives them."""
    trade = tuple(symbol for symbol in spec.trade_symbols if symbol in bars) or tuple(bars)
    has_benchmark = spec.benchmark_symbol in bars or bool(spec.basket)
    benchmark = spec.benchmark_symbol if has_benchmark else trade[0]
    return Market(bars, trade, benchmark, spec.session.market_zone, basket=spec.basket)


def _patients(source: Source, spec: DataSpec) -> Iterator[SymbolDiagnosis]:
    for symbol, raw in source.attempts():
        if isinstance(raw, DataError):
            yield SymbolDiagnosis(symbol, "", (_refusal(symbol, "", "file", raw),))
            continue
        traded = symbol in spec.trade_symbols
        yield _examined(symbol, raw, spec.examination, traded)


def _refusal(symbol: str, file: str, check: str, error: DataError) -> Entry:
    return Entry(symbol, file, check, "refuse", error.line, "")


def _examined(symbol: str, raw: RawTable, how: Examination, traded: bool) -> SymbolDiagnosis:
    entries: list[Entry] = []
    try:
        cut = cut_to_span(symbol, raw, how)
    except DataError as error:
        entries.append(_refusal(symbol, raw.where, "dates", error))
        try:  # what else is wrong does not depend on the zone
            cut = cut_to_span(symbol, raw, replace(how, session=ANY_ZONE))
        except DataError:
            return SymbolDiagnosis(symbol, raw.where, tuple(entries))
    return _with_values(symbol, cut, how, traded, entries)


def _with_values(symbol: str, cut: Cut, how: Examination, traded: bool, entries: list[Entry]) -> SymbolDiagnosis:
    """The findings of the table's rows, and those of the doctor in the rows that are sound."""
    wrong = faults(cut.raw)
    names = cut.raw.row_names
    for fault in wrong:
        rows = tuple(names.name(int(row)) for row in fault.rows[:MAX_LISTED])
        entries.append(
            Entry(symbol, cut.raw.where, "rows", "refuse", fault.problem, fault.advice, rows, len(fault.rows))
        )
    entries += [Entry(symbol, cut.raw.where, "reading", "warn", text, "") for text in cut.warnings]
    sound = _sound(cut, [row for fault in wrong for row in fault.rows]) if wrong else cut
    try:
        frame = checked(symbol, sound.raw)
    except DataError:
        return SymbolDiagnosis(symbol, cut.raw.where, _sorted(entries))
    series = Series(frame, sound.days, traded, sound.times, how.session.market_zone)
    findings = tuple(findings_of(series, how.calendar, how.accepted))
    entries += [_entry(symbol, sound.raw, series, finding) for finding in findings]
    refused = bool(wrong) or any(entry.check == "dates" for entry in entries)
    bars = None if refused else Bars.of(symbol, frame.set_axis(sound.times))
    return SymbolDiagnosis(symbol, cut.raw.where, _sorted(entries), findings, series, bars)


def _sound(cut: Cut, rows: list[int]) -> Cut:
    """The rows that no fault names, in the order of their stamps."""
    keep = np.setdiff1d(np.arange(len(cut.days)), np.array(rows, dtype=np.intp))
    keep = keep[np.argsort(pd.DatetimeIndex(cut.raw.frame.index).asi8[keep], kind="stable")]
    return replace(cut, raw=cut.raw.cut(keep), times=cut.times[keep], days=cut.days[keep])


def _entry(symbol: str, raw: RawTable, series: Series, finding: Finding) -> Entry:
    close = series.column("close")
    rows = tuple(f"{raw.row_names.name(row)}: close {close[row]:g}" for row in finding.rows[:MAX_LISTED])
    return Entry(
        symbol,
        raw.where,
        finding.check,
        finding.severity,
        finding.problem,
        finding.advice,
        rows,
        len(finding.rows),
    )


def _sorted(entries: list[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.severity != "refuse"))


def as_mapping(entry: Entry) -> dict[str, Any]:
    """A finding for JSON."""
    return {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
