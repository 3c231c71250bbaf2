"""Facts of a served model: what is missing, late or changed. They are no statistics, and have no false-alarm rate."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.clock import sessions
from core.number_format import count
from core.types import Market

from .join import Joined, Pairs, nanoseconds, pairs_of

SHOWN = 5
"""Sessions that a fact names."""
EARLY_DATA = "the service's bars carry a time one bar too late, or these data one too early"
LATE_DATA = "these data carry a time one bar too late, or the service's bars one too early"


def facts_of(joined: Joined, market: Market, differing: pd.DataFrame | None = None) -> tuple[str, ...]:
    """The facts, a sentence each.

    Parameters
    ----------
    market : the bars as they are now.
    differing : answers that differed from the first one, as :func:`serving.prediction_log.read.read_alarms` gives them.
    """
    return (*_about_bars(joined), *_about_closes(joined), *_about_times(joined, market), *_differing(differing, market))


def _about_bars(joined: Joined) -> Iterator[str]:
    if joined.missing:
        yield f"{count(len(joined.missing), 'session')} without a prediction: {_listed(joined.missing)}"
    unknown = pairs_of(joined.rows[~joined.rows["in_data"]])
    if unknown:
        yield f"{count(len(unknown), 'prediction')} at bars that the data do not have: {_listed(unknown)}"


def _about_closes(joined: Joined) -> Iterator[str]:
    if joined.corrected:
        text = f"{count(len(joined.corrected), 'bar')} with another close now than the one decided on"
        yield f"{text}: {_listed(joined.corrected)}"
    for pairs, place, cause in (
        (joined.decided_before, "before", EARLY_DATA),
        (joined.decided_after, "after", LATE_DATA),
    ):
        if pairs:
            text = f"{count(len(pairs), 'bar')} decided on the close of the bar {place} it"
            yield f"{text}: {_listed(pairs)}; {cause}"


def _about_times(joined: Joined, market: Market) -> Iterator[str]:
    late = _late(joined.rows, market)
    total = int(late.sum())
    if total:
        pairs = _first_of(joined.rows[late])
        yield f"{count(total, 'prediction')} stored after the next bar's close: {_listed(pairs, total)}"


def _late(rows: pd.DataFrame, market: Market) -> npt.NDArray[np.bool_]:
    """(K,) True for predictions that were stored when the bar that they are for had closed already."""
    as_of, stored_at = nanoseconds(rows), nanoseconds(rows, "stored_at")
    late = np.zeros(len(rows), dtype=bool)
    for symbol in market.trade:
        closes = market.bars[symbol].times.as_unit("ns").asi8
        part = np.flatnonzero(rows["in_data"] & (rows["symbol"] == symbol))
        after = closes.searchsorted(as_of[part], side="right")
        next_close = closes[np.minimum(after, len(closes) - 1)]
        late[part] = (after < len(closes)) & (stored_at[part] > next_close)
    return late


def _first_of(rows: pd.DataFrame) -> Pairs:
    """Session and symbol of the rows that a fact names; of a million rows no text is made."""
    last = np.sort(rows["session"].to_numpy())[:SHOWN][-1]
    pairs = rows.loc[rows["session"] <= last, ["session", "symbol"]].itertuples(index=False, name=None)
    return tuple((f"{session:%F}", str(symbol)) for session, symbol in sorted(pairs)[:SHOWN])


def _differing(alarms: pd.DataFrame | None, market: Market) -> Iterator[str]:
    if alarms is None or alarms.empty:
        return
    days = sessions(pd.DatetimeIndex(alarms["as_of"]), market.zone)
    pairs = tuple(sorted({(f"{day:%F}", str(symbol)) for day, symbol in zip(days, alarms["symbol"], strict=True)}))
    yield f"{count(len(pairs), 'bar')} with another answer than the first one: {_listed(pairs)}"


def _listed(pairs: Pairs, total: int | None = None) -> str:
    texts = [f"{session} {symbol}" for session, symbol in pairs[:SHOWN]]
    more = (len(pairs) if total is None else total) - SHOWN
    return ", ".join(texts) + (f" and {more:,} more" if more > 0 else "")
