"""What vectorbt and raptorbt take for the work of the compiled engine: agreement first, then seconds.

    python benchmarks/peers.py                     all of the work
    python benchmarks/peers.py sweep one           what begins with these words
    python benchmarks/peers.py --rounds 11

It needs the extra ``bench``. Every contender's final account value and number of fills are compared with a straight
loop over the same bars (``peers_work.py``) before it is timed; one that disagrees is not. Contenders take turns, so
that a busy moment of the machine meets all of them. Seconds are those from predictions and prices to the final value
and the number of fills of every setting; with measures: also Sharpe, Sortino, Calmar and the largest drawdown by the
contender's own means. raptorbt always works out all of its measures: its two lines differ by noise. One thread.
"""

import argparse
import gc
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from math import nan
from typing import NamedTuple, TypeAlias

os.environ.update(
    OMP_NUM_THREADS="1",
    GOMP_SPINCOUNT="0",
    OMP_WAIT_POLICY="PASSIVE",
    NUMBA_NUM_THREADS="1",
    RAYON_NUM_THREADS="1",
)

import numpy as np
from peers_work import (
    MEASURES,
    Array,
    Outcome,
    Prices,
    Setting,
    Terms,
    grid,
    plain_measures,
    predictions,
    reference,
    sp500,
    walk,
)

NEAR = 1e-9


class Work(NamedTuple):
    """One thing to be done, by everyone who can."""

    name: str
    prices: Prices
    signal: Array
    grid: Sequence[Setting]
    terms: Terms
    checked: int = 1
    """Every how many settings one is compared with the straight loop."""

    @property
    def steps(self) -> int:
        """Bars x symbols x settings."""
        return self.signal.size * len(self.grid)


Contender: TypeAlias = Callable[[Work, bool], Outcome]
"""Does a work, with measures or without; a ValueError says why it cannot."""


def works(chosen: Sequence[str] = ("",)) -> list[Work]:
    """The works whose names begin with one of these."""
    daily = sp500()
    told = predictions(daily.close)
    stops = (nan, 0.02, 0.03, 0.05, 0.08)
    makers: dict[str, Callable[[str], Work]] = {
        "one run, long": lambda name: Work(name, daily, told, [Setting()], Terms()),
        "one run, both sides": lambda name: Work(name, daily, told, [Setting()], Terms(side="both")),
        "one run, long, stop": lambda name: Work(name, daily, told, [Setting(stop=0.03)], Terms()),
        "sweep, long": lambda name: Work(name, daily, told, grid(), Terms(), 7),
        "sweep, both sides": lambda name: Work(name, daily, told, grid(), Terms(side="both"), 7),
        "sweep, long, stops": lambda name: Work(name, daily, told, grid(10, 6, stops), Terms(), 7),
        "million bars, long": million,
        "100 symbols, long": lambda name: shared(name, Terms()),
        "100 symbols, both sides": lambda name: shared(name, Terms(side="both")),
    }
    return [make(name) for name, make in makers.items() if name.startswith(tuple(chosen))]


def million(name: str) -> Work:
    """One long run: a million bars of a minute's size."""
    prices = walk(1_000_000, step=0.0004)
    return Work(name, prices, predictions(prices.close), [Setting()], Terms())


def shared(name: str, terms: Terms) -> Work:
    """One account for 100 symbols of 5,000 bars; they fit into its cash all at once."""
    prices = walk(5_000, 100, seed=3)
    return Work(name, prices, predictions(prices.close, seed=4), [Setting(base=0.005)], terms)


def contenders() -> dict[str, Contender]:
    """The peers that are installed."""
    field: dict[str, Contender] = {}
    if find_spec("vectorbt"):
        from peers_vectorbt import run_vectorbt

        for engine in ("rust", "numba") if find_spec("vectorbt_rust") else ("numba",):
            field[f"vectorbt, {engine}"] = partial(_run, partial(run_vectorbt, engine=engine))
    if find_spec("raptorbt"):
        from peers_raptorbt import run_raptorbt

        field["raptorbt"] = partial(_run, run_raptorbt)
    return field


def _run(run: Callable[..., Outcome], work: Work, measures: bool) -> Outcome:
    return run(work.prices, work.signal, work.grid, work.terms, measures=measures)


def expected(work: Work) -> Outcome:
    """The answer of the straight loop, for the settings that are compared."""
    values, fills, measures = [], [], []
    for setting in work.grid[:: work.checked]:
        equity, count, cuts = reference(work.prices, work.signal, setting, work.terms)
        if cuts:
            raise ValueError(f"{work.name}: the cap cuts {cuts} fills of {setting}, which no peer does")
        values.append(equity[-1])
        fills.append(count)
        measures.append(plain_measures(equity, work.terms))
    told = {name: np.array([each[name] for each in measures]) for name in MEASURES}
    return Outcome(np.array(values), np.array(fills), nan, told)


def apart(outcome: Outcome, wanted: Outcome, work: Work) -> tuple[float, int, dict[str, float]]:
    """The largest differences: of final values (relative), of numbers of fills, and of each measure (relative)."""
    some = slice(None, None, work.checked)
    measures = {name: _apart(outcome.measures[name][some], wanted.measures[name]) for name in MEASURES}
    return _apart(outcome.equity[some], wanted.equity), int(np.abs(outcome.fills[some] - wanted.fills).max()), measures


def _apart(values: Array, wanted: Array) -> float:
    return float(np.abs(values / wanted - 1.0).max())


def admitted(work: Work, field: dict[str, Contender]) -> dict[str, Contender]:
    """Who does this work and agrees with the straight loop; says so for everyone."""
    wanted, able = expected(work), {}
    print(f"\n{work.name}: {len(work.grid)} x {work.signal.size:,} steps, ", end="")
    print(f"{int(wanted.fills.min()):,} to {int(wanted.fills.max()):,} fills a setting")
    for who, contender in field.items():
        try:
            outcome = contender(work, True)
        except ValueError as reason:
            print(f"  {who:16} cannot: {reason}")
            continue
        value, fills, measures = apart(outcome, wanted, work)
        agrees = value <= NEAR and fills == 0
        print(f"  {who:16} {'agrees' if agrees else 'DISAGREES, not timed'}: values within {value:.0e}, ", end="")
        print(f"fills within {fills}, " + ", ".join(f"{name} {far:.0e}" for name, far in measures.items()), end="")
        print(f"; first call {outcome.seconds:.2f} s")
        if agrees:
            able[who] = contender
    return able


def race(work: Work, field: dict[str, Contender], rounds: int) -> dict[tuple[str, bool], list[float]]:
    """Seconds by contender and by whether measures are worked out, one a round; a first round is not counted."""
    seconds: dict[tuple[str, bool], list[float]] = {(who, with_): [] for with_ in (False, True) for who in field}
    for number in range(rounds + 1):
        for (who, with_), taken in seconds.items():
            gc.collect()  # what the one before left in cycles
            took = field[who](work, with_).seconds
            if number:
                taken.append(took)
    return seconds


def show(work: Work, seconds: dict[tuple[str, bool], list[float]]) -> None:
    """The table of one race."""
    for (who, with_), taken in seconds.items():
        low, middle, high = statistics.quantiles(taken, n=4)
        spread = f"{1e3 * middle:.2f} ({1e3 * low:.2f} to {1e3 * high:.2f}) ms"
        rate = f"{work.steps / middle / 1e6:.2f} M steps/s, {len(work.grid) / middle:,.0f} settings/s"
        print(f"  {who:16} {'measures' if with_ else 'equity, fills':14} {spread:34} {rate}")


def versions() -> str:
    """What it runs on."""
    told = [f"Python {platform.python_version()}"]
    for name in ("numpy", "pandas", "numba", "vectorbt", "vectorbt-rust", "raptorbt"):
        try:
            told.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            told.append(f"no {name}")
    return ", ".join(told)


def main() -> None:
    """Compare and time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("work", nargs="*", default=[""], help="begin of the names of the work to be done")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is timed")
    given = parser.parse_args()
    print(versions())
    field = contenders()
    for work in works(given.work):
        show(work, race(work, admitted(work, field), given.rounds))


if __name__ == "__main__":
    main()
