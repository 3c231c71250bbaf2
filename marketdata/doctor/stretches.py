"""Stretches of bars that no market makes: frozen, copied, or of another volume."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from core.types import PRICES

from .finding import Finding, Series

FROZEN = 10  # equal closes in a row, bars of a day or more
FROZEN_INTRADAY = 240
COPIED = 10  # bars in a row that are there twice
DISTINCT = 5  # different closes that a copy must have: a quiet market repeats a few prices
BLOCK = 20  # sessions whose median volume is compared with that of the next
REGIME = 20.0  # factor between them


def stretches(series: Series) -> Iterator[Finding]:
    """All findings about stretches."""
    for check in (_frozen, _copied, _volume_regime):
        yield from check(series)


def _runs(equal: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Starts and lengths of the runs of a mask."""
    edges = np.flatnonzero(np.diff(np.r_[False, equal, False].astype(np.int8)))
    return edges[::2], edges[1::2] - edges[::2]


def _frozen(series: Series) -> Iterator[Finding]:
    close = series.column("close")
    starts, lengths = _runs(close[1:] == close[:-1])
    lengths = lengths + 1
    shortest = FROZEN_INTRADAY if series.intraday else FROZEN
    if not len(lengths) or lengths.max() < shortest or lengths.max() == len(close):
        return
    long = lengths >= shortest
    worst = int(lengths.argmax())
    first = int(starts[worst])
    last = first + int(lengths[worst]) - 1
    more = f"; {int(long.sum())} such stretches" if long.sum() > 1 else ""
    yield Finding(
        "frozen",
        f"the close is {close[first]:g} on {lengths[worst]} bars in a row, {series.days[first]:%Y-%m-%d} to "
        f"{series.days[last]:%Y-%m-%d}{more}: no trading, or a feed that stood still",
        rows=tuple(starts[long].tolist()),
    )


def _copied(series: Series) -> Iterator[Finding]:
    """Stretches whose prices are exactly those of an earlier stretch."""
    count = len(series) - COPIED + 1
    if count < 2:
        return
    hashes = np.zeros(count, dtype=np.uint64)
    rows = _row_hashes(series)
    with np.errstate(over="ignore"):
        for offset in range(COPIED):
            hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + rows[offset : offset + count]
    order = np.argsort(hashes, kind="stable")
    again = order[1:][hashes[order][1:] == hashes[order][:-1]]
    close = series.column("close")
    again = np.sort(again[[np.unique(close[row : row + COPIED]).size >= DISTINCT for row in again[:10_000]]])
    if not len(again):
        return
    first = int(again[0])
    source = int(np.flatnonzero(hashes == hashes[first])[0])
    length = COPIED + int(np.argmin(np.r_[np.diff(again) == 1, False]))
    yield Finding(
        "copied",
        f"the prices of {length} bars from {series.days[first]:%Y-%m-%d} are those of the bars from "
        f"{series.days[source]:%Y-%m-%d}",
        "download the file again",
        (first, source),
    )


def _row_hashes(series: Series) -> npt.NDArray[np.uint64]:
    hashes = np.zeros(len(series), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for name in PRICES:
            bits = np.ascontiguousarray(series.column(name)).view(np.uint64)
            hashes = (hashes ^ (bits ^ (bits >> np.uint64(29)))) * np.uint64(0xBF58476D1CE4E5B9)
    return hashes


def _volume_regime(series: Series) -> Iterator[Finding]:
    """The session's volume at another level from one block of sessions to the next."""
    days, starts = np.unique(series.days.asi8, return_index=True)
    if len(days) < 4 * BLOCK or not series.days.is_monotonic_increasing:
        return
    volume = np.add.reduceat(series.column("volume"), starts)
    count = len(volume) // BLOCK
    medians = np.median(volume[: count * BLOCK].reshape(count, BLOCK), axis=1)
    before, after = medians[:-2], medians[2:]  # a block that holds the break lies between
    sound = (before > 0) & (after > 0)
    ratio = np.where(sound, np.log(np.where(sound, after, 1.0) / np.where(sound, before, 1.0)), 0.0)
    worst = int(np.abs(ratio).argmax())
    if abs(ratio[worst]) < np.log(REGIME):
        return
    first, last = (worst + 1) * BLOCK, (worst + 2) * BLOCK - 1
    yield Finding(
        "volume_regime",
        f"the usual volume goes from {before[worst]:.4g} to {after[worst]:.4g} a session between "
        f"{series.unique_days[first]:%Y-%m-%d} and {series.unique_days[last]:%Y-%m-%d}: another unit or another venue?",
        rows=(int(starts[first]),),
    )
