"""The first of three barriers that is touched: a target, a stop, or the end of the horizon."""

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveFloat, PositiveInt

from core.types import Bars, Labels, Rows, Vector
from signals.rolling_windows import rolling_std, simple_returns

from .base import Label, ahead, labels_of


class TripleBarrier(Label):
    """Return at the first barrier that a long position from the close of the decision would touch.

    The target lies ``target`` volatilities above the close, the stop ``stop`` volatilities below it; after ``horizon``
    bars the position ends at the close. Barriers are touched by a bar's high and low; a bar that opens beyond one ends
    the position at its open. Where one bar touches both, the order is not in the data: the stop is taken to be first,
    and such labels are counted.

    References
    ----------
    Lopez de Prado, M. (2018), Advances in Financial Machine Learning, chapter 3 (the triple-barrier method), there on
    closes alone.

    Examples
    --------
    >>> TripleBarrier(horizon=10, target=2.0, stop=1.0).warmup
    20
    """

    horizon: PositiveInt = 10
    """Bars after which the position ends at the close, if it touched neither barrier."""
    target: PositiveFloat = 2.0
    """Distance of the upper barrier, in volatilities of one bar."""
    stop: PositiveFloat = 2.0
    """Distance of the lower barrier, in volatilities of one bar."""
    window: Annotated[int, Field(ge=2)] = 20
    """One-bar returns in that volatility."""

    @property
    def warmup(self) -> int:
        """Rows before there is a volatility."""
        return self.window

    def units(self, bars: Bars) -> Vector:
        """(T,) ones: it has no unit of its own."""
        return np.ones(len(bars))

    def compute(self, bars: Bars) -> Labels:
        """One label a bar; in the tail only those that have touched a barrier already are known."""
        count = len(bars)
        volatility = rolling_std(simple_returns(bars.close), self.window)
        upper = bars.close * (1 + self.target * volatility)
        lower = bars.close * (1 - self.stop * volatility)
        exit_price = np.full(count, np.nan)
        last = np.zeros(count, dtype=np.intp)
        both = np.zeros(count, dtype=bool)
        for step in range(1, self.horizon + 1):
            opened, high, low = (ahead(prices, step) for prices in (bars.open, bars.high, bars.low))
            open_now = np.isnan(exit_price)
            stopped = open_now & (low <= lower)
            reached = open_now & (high >= upper)
            gained = reached & (~stopped | (opened >= upper))  # a bar that opens beyond the target has passed it first
            both |= stopped & reached & (opened > lower) & (opened < upper)
            price = np.where(gained, np.maximum(opened, upper), np.minimum(opened, lower))
            _end(exit_price, last, stopped | reached, price, step)
        ended = np.isnan(exit_price) & np.isfinite(volatility)
        _end(exit_price, last, ended, ahead(bars.close, self.horizon), self.horizon)
        value = exit_price / bars.close - 1
        notes = self._notes(bars.symbol, int(both.sum()), int(np.isfinite(value).sum()))
        return labels_of(bars, value, last, notes=notes)

    def _notes(self, symbol: str, both: int, labelled: int) -> tuple[str, ...]:
        if not both:
            return ()
        return (
            f"{symbol}: in {both} of {labelled} labels one bar touches both barriers; the stop is taken to be first",
        )


def _end(exit_price: Vector, last: Rows, ended: npt.NDArray[np.bool_], price: Vector, step: int) -> None:
    """Write down the price and the bar of the positions that end ``step`` bars after their decision."""
    exit_price[ended] = price[ended]
    last[ended] = np.flatnonzero(ended) + step
