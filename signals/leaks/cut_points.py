"""The points at which a history is cut: at the borders of folds, where leaks show, and at random."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.types import News


@dataclass(frozen=True)
class Cut:
    """A moment up to which everything is known.

    Attributes
    ----------
    last : the last close that is known.
    reason : why the cut is there.
    telling : one of the few at which most leaks show: a fold's first prediction is known and the labels after it are
        not, or a headline comes next.
    """

    last: pd.Timestamp
    reason: str
    telling: bool = False

    def __str__(self) -> str:
        return f"{self.last:%F %H:%M} ({self.reason})"


def choose(
    times: pd.DatetimeIndex, starts: Sequence[pd.Timestamp], horizon: int, seed: int, news: News | None = None
) -> tuple[Cut, ...]:
    """The cuts of one battery, earliest first.

    Of three folds whose first test decision is bar ``a`` the histories of ``a - 1``, ``a``, ``a + 1`` and
    ``a + horizon - 1`` bars: a label that is trained on too early moves what follows within its horizon, and nowhere
    else. Then three at random, and three after which a headline comes next.

    Parameters
    ----------
    times : (T,) common time.
    starts : the first test decision of each fold; for a rule its first decision.
    horizon : bars that a label spans.
    """
    rng = np.random.default_rng(seed)
    first = _row(times, starts[0])
    cuts: dict[int, tuple[str, bool]] = {}
    for number in _spread(len(starts), 3):
        begin = _row(times, starts[number])
        for offset in (-1, 0, 1, horizon - 1):
            cuts.setdefault(begin + offset, (f"fold {number}, its first test bar {offset:+d}", offset == 1))
    for bars in rng.integers(first + 1, len(times), 3):
        cuts.setdefault(int(bars), ("at random", False))
    for bars in _before_news(times, news, first, rng):
        cuts.setdefault(bars, ("before a headline", True))
    # With `first` bars nothing is predicted yet; with all of them nothing is cut.
    return tuple(Cut(times[bars - 1], *cuts[bars]) for bars in sorted(cuts) if first < bars < len(times))


def _row(times: pd.DatetimeIndex, time: pd.Timestamp) -> int:
    return int(times.searchsorted(time))


def _spread(count: int, size: int) -> list[int]:
    """Numbers out of ``range(count)``, evenly spread, never the first if there is another."""
    low = min(1, count - 1)
    return sorted({int(number) for number in np.linspace(low, count - 1, size)})


def _before_news(times: pd.DatetimeIndex, news: News | None, first: int, rng: np.random.Generator) -> list[int]:
    """Numbers of bars after which, before the next one, a headline becomes known."""
    if news is None:
        return []
    bars = np.unique(times.searchsorted(news.known_at, side="left"))
    inside = bars[(bars > first) & (bars < len(times))]
    return [int(bar) for bar in rng.choice(inside, min(3, len(inside)), replace=False)]
