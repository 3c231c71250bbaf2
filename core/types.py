"""The frozen types that one stage passes to the next; nothing flows back.

RunConfig -> DataSource.load -> Market -> FeatureFrame -> Labels, Fold -> SignalFrame -> RunResult -> measures -> report

All times are bar close times in UTC (see :mod:`core.clock`). Arrays are float64 unless said otherwise and read-only.
T is the number of bars, N of symbols, F of features.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from . import display
from .digests import digest
from .errors import DataError, StoreError

Vector: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.intp]

PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")


def read_only(values: npt.ArrayLike, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
    """A read-only copy; a stage that tries to change its input fails loudly."""
    array = np.array(values, dtype=dtype, order="C")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Bars:
    """One symbol's checked bars.

    Attributes
    ----------
    symbol : the name used in tables.
    times : (T,) close times, UTC, ns, strictly increasing.
    open, high, low, close : (T,) positive prices in quote currency.
    volume : (T,) units traded, >= 0.
    """

    symbol: str
    times: pd.DatetimeIndex
    open: Vector
    high: Vector
    low: Vector
    close: Vector
    volume: Vector

    @classmethod
    def of(cls, symbol: str, frame: pd.DataFrame) -> "Bars":
        """Bars from a frame that `marketdata.validation` has checked (index: close times; columns: :data:`COLUMNS`)."""
        index = pd.DatetimeIndex(frame.index).as_unit("ns")
        return cls(symbol, index, *(read_only(frame[name]) for name in COLUMNS))

    def __len__(self) -> int:
        return len(self.times)

    @property
    def frame(self) -> pd.DataFrame:
        """A copy as a frame: index ``times``, columns :data:`COLUMNS`."""
        return pd.DataFrame({name: np.array(getattr(self, name)) for name in COLUMNS}, index=self.times)

    def between(self, first: pd.Timestamp | None, last: pd.Timestamp | None) -> "Bars":
        """The bars whose close time lies in ``[first, last]``; None leaves that end open."""
        low = 0 if first is None else int(self.times.searchsorted(first, side="left"))
        high = len(self) if last is None else int(self.times.searchsorted(last, side="right"))
        return self.rows(low, high)

    def rows(self, begin: int, end: int | None = None) -> "Bars":
        """The bars from one row up to another; None for all that follow."""
        return replace(self, **{name: getattr(self, name)[begin:end] for name in ("times", *COLUMNS)})


@dataclass(frozen=True, eq=False)
class News:
    """Dated headlines, in the order in which they became known.

    Attributes
    ----------
    known_at : (K,) UTC, ns, not decreasing. Of a headline that bears a date alone, the end of that day in the market's
        zone: there is no proof that it was known earlier.
    symbol : (K,) the symbol that each is about.
    text : (K,) the headlines.
    """

    known_at: pd.DatetimeIndex
    symbol: tuple[str, ...]
    text: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.text)

    @property
    def digest(self) -> str:
        """64 hex digits over every headline and its time."""
        return digest([self.known_at.as_unit("ns").asi8.tolist(), list(self.symbol), list(self.text)])

    def between(self, first: pd.Timestamp | None, last: pd.Timestamp | None) -> "News":
        """The headlines that became known in ``[first, last]``; None leaves that end open."""
        low = 0 if first is None else int(self.known_at.searchsorted(first, side="left"))
        high = len(self) if last is None else int(self.known_at.searchsorted(last, side="right"))
        return News(self.known_at[low:high], self.symbol[low:high], self.text[low:high])


@dataclass(frozen=True, eq=False)
class Market:
    """Everything a pipeline may see.

    Attributes
    ----------
    bars : by symbol, in the config's order.
    trade : the symbols that are traded.
    benchmark : the symbol to compare with; it may or may not be traded.
    zone : time zone whose calendar days are the sessions, as `core.clock.sessions` takes it.
    notes : findings of the data checks; they go into the run folder.
    news : dated headlines; None where the config names none.
    basket : "held" or "rebalanced" where the benchmark is a basket of the traded symbols, in equal parts, which has no
        bars of its own; empty otherwise.
    reading : by symbol, how its file was read; empty for data of the project.
    warnings : those of the notes that say what may be wrong with the data; pages show them beside the verdict.
    """

    bars: Mapping[str, Bars]
    trade: tuple[str, ...]
    benchmark: str
    zone: str
    notes: tuple[str, ...] = ()
    news: News | None = None
    reading: Mapping[str, str] = field(default_factory=dict)
    basket: Literal["", "held", "rebalanced"] = ""
    warnings: tuple[str, ...] = ()

    @property
    def benchmark_in_words(self) -> str:
        """The benchmark in a few words."""
        if not self.basket:
            return f"{self.benchmark}, bought and held"
        how = "bought once" if self.basket == "held" else "rebalanced every session"
        return f"a basket of {', '.join(self.trade)} in equal parts, {how}"

    @property
    def times(self) -> pd.DatetimeIndex:
        """The union of the traded symbols' close times, increasing."""
        index = self.bars[self.trade[0]].times
        for symbol in self.trade[1:]:
            index = index.union(self.bars[symbol].times)
        return index

    def until(self, last: pd.Timestamp) -> "Market":
        """The market as it was known at the close ``last``; every cut of a leak test is made here."""
        return self._between(None, last)

    def since(self, first: pd.Timestamp) -> "Market":
        """The market from the close ``first`` on."""
        return self._between(first, None)

    def _between(self, first: pd.Timestamp | None, last: pd.Timestamp | None) -> "Market":
        bars = {symbol: bars.between(first, last) for symbol, bars in self.bars.items()}
        return replace(self, bars=bars, news=None if self.news is None else self.news.between(first, last))


@dataclass(frozen=True, eq=False)
class FeatureFrame:
    """One symbol's features.

    Attributes
    ----------
    symbol, times : as in :class:`Bars`; one row per bar.
    names : F column names, in the order in which models see them.
    values : (T, F). Only the first ``warmup`` rows may be NaN.
    warmup : rows at the start that no model may see.
    """

    symbol: str
    times: pd.DatetimeIndex
    names: tuple[str, ...]
    values: Matrix
    warmup: int


@dataclass(frozen=True, eq=False)
class Labels:
    """One symbol's outcomes.

    Attributes
    ----------
    value : (T,) the outcome that follows row t; NaN where it is not known yet (the tail), never 0.
    known_at : (T,) the bar time at which it becomes observable; NaT where unknown.
    unit : (T,) the size of one unit of ``value``, known at close t; 1 where the value has no unit of its own.
    notes : remarks on how they were made.
    """

    symbol: str
    times: pd.DatetimeIndex
    value: Vector
    known_at: pd.DatetimeIndex
    unit: Vector
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Fold:
    """One step of a walk-forward, as row numbers of a stacked sample.

    Attributes
    ----------
    number : 0, 1, ...
    train : rows that models are fitted on.
    stop : rows that decide when to stop training.
    calibration : rows that the confidence is fitted on.
    test : rows that are predicted, out of sample.
    cut : the first test decision time. Every label used before it is known at or before it.
    """

    number: int
    train: Rows
    stop: Rows
    calibration: Rows
    test: Rows
    cut: pd.Timestamp


@dataclass(frozen=True, eq=False)
class SignalFrame:
    """The signals: one prediction and one confidence a bar and symbol, which the strategy trades on.

    Attributes
    ----------
    times : (T,) close times of the market's union calendar.
    symbols : N traded symbols.
    prediction : (T, N) expected return over the label's horizon (a rule model: a signed strength). NaN: no prediction.
    confidence : (T, N) in [0, 1]; NaN exactly where the prediction is.
    fold : (T,) the fold that predicted the row; -1 before the first, 0 throughout for models that do not train.
    """

    times: pd.DatetimeIndex
    symbols: tuple[str, ...]
    prediction: Matrix
    confidence: Matrix
    fold: npt.NDArray[np.int64]

    @property
    def start(self) -> pd.Timestamp:
        """The first out-of-sample decision time: where equity, measures and the benchmark begin."""
        if not (self.fold >= 0).any():
            raise DataError("there is no out-of-sample decision in the whole span; take a longer history")
        return self.times[int(np.argmax(self.fold >= 0))]


@dataclass(frozen=True, eq=False, repr=False)
class RunResult:
    """The result of a backtest; every engine returns exactly this.

    It is displayed as one line in a traceback, and as a table in rich's terminal output and in a notebook.

    Attributes
    ----------
    engine : ``backtrader``; the name of the engine that ran.
    config_id : 12 hex digits.
    cash : the initial cash, the base of every return.
    zone : IANA time zone of the sessions.
    equity : table ``equity`` of :mod:`core.table_schemas`; its first row is the first decision, with a null ``return``.
    positions : (T, N) frame of units held at each close; index as ``equity.time``, columns the symbols.
    orders, fills, trades, costs, stops : the tables of those names.
    notes : remarks on the run.
    metrics : what the run folder's ``metrics.json`` holds; empty as an engine returns it, before anything is measured.
    config : the resolved config as plain values; empty as an engine returns it.
    signals : table ``signals``; None as an engine returns it.
    daily : simple daily returns, fractions: index naive session dates, columns ``strategy``, ``benchmark`` and
        ``benchmark_at_exposure``; None as an engine returns it, and from a run folder of an earlier version.
    plugins : the user's own plug-in files that were in place: source text by path.
    shares : (T,) shares of the account at each close, 1 at the start, as in a fund whose shares are bought and sold at
        the account's value; None where no money was paid in or out. Returns are those of one share. It is not stored.
    multipliers : by symbol, the value of one unit at a price of 1, where that is not 1 (futures). It is not stored.
    """

    engine: str
    config_id: str
    cash: float
    zone: str
    equity: pd.DataFrame
    positions: pd.DataFrame
    orders: pd.DataFrame
    fills: pd.DataFrame
    trades: pd.DataFrame
    costs: pd.DataFrame
    stops: pd.DataFrame
    notes: tuple[str, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    signals: pd.DataFrame | None = None
    daily: pd.DataFrame | None = None
    plugins: Mapping[str, str] = field(default_factory=dict)
    shares: Vector | None = None
    multipliers: Mapping[str, float] = field(default_factory=dict)

    @property
    def returns(self) -> pd.Series:
        """Simple daily returns of the account, fractions; index naive session dates.

        Raises
        ------
        StoreError
            The daily returns are not known: the result is an engine's own, or of a folder of an earlier version.
        """
        return self._daily()["strategy"]

    @property
    def benchmark_returns(self) -> pd.Series:
        """Simple daily returns of the benchmark over the same sessions; errors as of :attr:`returns`."""
        return self._daily()["benchmark"]

    @property
    def measures(self) -> pd.DataFrame:
        """All measures: one row for each name, the value for each column of the daily returns, unit, period, formula.

        NaN where a measure has no value; the reason is in ``metrics``.
        """
        return display.measures_frame(self.metrics)

    def plot(self) -> Any:
        """Draw growth and drawdown of account and benchmark; returns the matplotlib figure."""
        return display.plot(self._daily(), f"{self.config.get('name', 'run')} {self.config_id}")

    def to_quantstats(self) -> tuple[pd.Series, pd.Series]:
        """Returns and benchmark as quantstats and pyfolio take them: ``qs.reports.full(*result.to_quantstats())``.

        Series of simple daily returns, index naive dates. pyfolio wants dates in UTC: use ``.tz_localize("UTC")``.
        """
        return self.returns.rename("Strategy"), self.benchmark_returns.rename("Benchmark")

    def _daily(self) -> pd.DataFrame:
        if self.daily is None:
            raise StoreError(f"run {self.config_id}: its daily returns are not stored; run its config again")
        return self.daily

    def __repr__(self) -> str:
        return display.line("RunResult", self._facts())

    def __rich__(self) -> Any:
        return display.rich_table(f"run {self.config_id}", self._facts())

    def _repr_html_(self) -> str:
        return display.html_table(f"run {self.config_id}", self._facts())

    def _facts(self) -> dict[str, str]:
        """The run and the change of the account, by short names."""
        times = self.equity["time"]
        last = float(self.equity["equity"].iloc[-1])
        verdict = self.metrics.get("verdict", {}).get("headline")
        return {
            "config": self.config_id,
            "engine": self.engine,
            "symbols": ", ".join(self.positions.columns),
            "span": f"{times.iloc[0]:%F} to {times.iloc[-1]:%F}, {len(times)} bars",
            "account": f"{self.cash:,.2f} became {last:,.2f} ({100 * (last / self.cash - 1):+.2f} %)",
            "orders": f"{len(self.orders)}, {len(self.fills)} fills, {len(self.trades)} trades",
            **({"verdict": verdict} if verdict else {}),
        }
