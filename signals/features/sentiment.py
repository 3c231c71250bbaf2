"""The sentiment of the headlines of the last bars."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic_core import PydanticCustomError

from core.errors import ConfigError
from core.plugins import PluginField
from core.types import Market, Matrix, Vector
from signals.rolling_windows import rolling_sum
from signals.text._score_cache import scored
from signals.text.base import Scorer
from signals.text.vader import Vader

from ._params import settled
from .base import Feature

Column: TypeAlias = Literal["mean", "decayed", "count", "dispersion"]
COLUMNS: tuple[Column, ...] = ("mean", "decayed", "count", "dispersion")
FORGOTTEN = 1e-9


def _distinct(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    if len(set(columns)) < len(columns):
        raise PydanticCustomError("columns_twice", "must be distinct; given {given}", {"given": ", ".join(columns)})
    return columns


class Sentiment(Feature):
    """Scores of the symbol's headlines over the last bars: mean, decayed sum, count and dispersion.

    A headline belongs to the first bar whose close is not before it was known, plus `delay`: one that comes a second
    after a close belongs to the next bar. Over the last `window` bars, `mean` is the mean of their scores, `dispersion`
    their standard deviation (ddof = 0), `count` is ln(1 + their number). `decayed` is the sum of all scores so far,
    each halved with every `half_life` bars that have passed.

    Where no headline came, mean, dispersion and count are 0: `count` tells missing news from news that cancel.
    Headlines from before the symbol's first bar are left out: their number is not known.

    Examples
    --------
    >>> Sentiment(window=5, columns=("mean", "count")).names
    ('sentiment_mean_5', 'sentiment_count_5')
    >>> Sentiment(window=5, columns=("mean",)).warmup
    5
    """

    news: ClassVar[bool] = True

    scorer: Annotated[Scorer, PluginField("signals.text")] = Vader()
    """What gives a headline its number, by its kind: {kind: vader} or {kind: transformers}."""
    window: PositiveInt = 5
    """Bars whose headlines count, the current one included."""
    half_life: PositiveFloat = 3.0
    """Bars after which a score counts half in the decayed sum."""
    delay: NonNegativeFloat = 0.0
    """Minutes between a headline's stamp and the moment at which it could be acted on."""
    columns: Annotated[
        tuple[Column, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True}), AfterValidator(_distinct)
    ] = COLUMNS
    """Which of the four, in this order."""

    @property
    def warmup(self) -> int:
        """Rows before the window is complete, and before the missing part of the decayed sum weighs less than 1e-9."""
        decay = settled(1 - self._decay, FORGOTTEN) if "decayed" in self.columns else 0
        return max(self.window, decay)

    @property
    def names(self) -> tuple[str, ...]:
        """``sentiment_<column>_<window>``; of the decayed sum ``sentiment_decayed_<half life>``."""
        spans = {"decayed": f"{self.half_life:g}"}
        return tuple(f"sentiment_{column}_{spans.get(column, self.window)}" for column in self.columns)

    def of(self, market: Market, symbol: str) -> Matrix:
        """(T, columns); NaN in the warm-up."""
        times = market.bars[symbol].times
        row, scores = self._placed(market, symbol, times)
        weights = (np.ones(len(row)), scores, scores**2)
        count, total, squares = (np.bincount(row, weight, len(times)).astype(np.float64) for weight in weights)
        columns = self._columns(count, total, squares)
        table = np.column_stack([columns[name] for name in self.columns])
        table[: self.warmup] = np.nan
        return table

    @property
    def notes(self) -> tuple[str, ...]:
        """The scorer's notes."""
        return self.scorer.notes

    def inputs(self, market: Market) -> Mapping[str, str]:
        """The digests of the headlines and of the scorer."""
        return {**super().inputs(market), "scorer": self.scorer.digest()}

    @property
    def _decay(self) -> float:
        """The factor of a score's weight from one bar to the next."""
        return float(0.5 ** (1 / self.half_life))

    def _placed(
        self, market: Market, symbol: str, times: pd.DatetimeIndex
    ) -> tuple["np.ndarray[tuple[int], np.dtype[np.intp]]", Vector]:
        """The bar that each headline belongs to, and its score."""
        news = market.news
        if news is None:
            raise ConfigError("features: sentiment reads headlines, but the config names none; set data.news.file")
        symbol_news = np.flatnonzero(np.array([name == symbol for name in news.symbol], dtype=bool))
        usable = news.known_at[symbol_news] + pd.Timedelta(minutes=self.delay)
        row = np.asarray(times.searchsorted(usable, side="left"), dtype=np.intp)
        inside = (row > 0) & (row < len(times))
        return row[inside], scored(self.scorer, [news.text[index] for index in symbol_news[inside]])

    def _columns(self, count: Vector, total: Vector, squares: Vector) -> dict[Column, Vector]:
        from scipy.signal import lfilter

        number, total_in, squares_in = (rolling_sum(values, self.window) for values in (count, total, squares))
        divisor = np.maximum(number, 1)
        mean = total_in / divisor
        variance = squares_in / divisor - mean**2
        return {
            "mean": mean,
            "decayed": lfilter([1.0], [1.0, -self._decay], total),
            "count": np.log1p(number),
            # Rounding leaves some 1e-17 where all scores are the same.
            "dispersion": np.sqrt(np.where(variance > 1e-12, variance, 0.0)),
        }
