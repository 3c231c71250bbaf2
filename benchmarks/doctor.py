"""How often each of the doctor's checks is wrong, by planted faults and clean series.

``python benchmarks/doctor.py [series]`` makes that many random series of each of 20 kinds of fault (50 by default) and
as many clean ones, and prints a table: how many planted faults are missed, and on how many clean series a check finds
something. The series are 1,000 daily bars with returns of Student's t with 4 degrees of freedom and a volatility that
clusters (GARCH-like); a third each is quiet, usual and wild.
"""

import sys
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd

from marketdata.doctor.finding import Series
from marketdata.doctor.series_checks import findings_of

COUNT = 1000
FIRST_SEED = 1000
"""The limits of the checks were chosen on series of seeds from 0 on, so that the table needs others."""
PRICES = ["open", "high", "low", "close"]
Random = np.random.Generator
Fault = Callable[[pd.DataFrame, Random], pd.DataFrame]


def clean(random: Random) -> pd.DataFrame:
    """A series without a fault."""
    scale = float(random.choice([0.004, 0.012, 0.035]))
    noise = random.standard_t(4, COUNT) / np.sqrt(2)
    variance = np.ones(COUNT)
    for row in range(1, COUNT):
        variance[row] = 0.05 + 0.85 * variance[row - 1] + 0.1 * variance[row - 1] * min(noise[row - 1] ** 2, 9)
    steps = scale * np.sqrt(variance) * noise
    close = 50 * np.exp(np.cumsum(steps))
    opened = np.r_[50.0, close[:-1]] * np.exp(0.3 * scale * random.normal(size=COUNT))
    high = np.maximum(opened, close) * np.exp(0.5 * scale * np.abs(random.normal(size=COUNT)))
    low = np.minimum(opened, close) * np.exp(-0.5 * scale * np.abs(random.normal(size=COUNT)))
    volume = np.round(np.exp(13 + 0.5 * random.normal(size=COUNT)))
    table = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    frame = pd.DataFrame(table, index=pd.bdate_range("2016-01-04", periods=COUNT))
    holidays = random.choice(COUNT, 30, replace=False)
    return frame.drop(frame.index[holidays]).round(6)


def _place(random: Random) -> int:
    return int(random.integers(150, 800))


def _scaled(factor: float, length: int | None = None) -> Fault:
    def plant(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
        first = _place(random)
        rows = frame.index[first : None if length is None else first + length]
        frame.loc[rows, PRICES] *= factor
        return frame

    return plant


def _spike(factor: float) -> Fault:
    def plant(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
        day = frame.index[_place(random)]
        frame.loc[day, ["high", "close"]] = frame.loc[day, "close"] * factor
        return frame

    return plant


def _wick(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    frame.loc[frame.index[_place(random)], "high"] *= 10
    return frame


def _frozen(length: int) -> Fault:
    def plant(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
        first = _place(random)
        frame.loc[frame.index[first : first + length], PRICES] = frame["close"].iloc[first]
        return frame

    return plant


def _copied(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    first = _place(random)
    frame.iloc[first + 20 : first + 40] = frame.iloc[first : first + 20].to_numpy()
    return frame


def _removed(length: int) -> Fault:
    def plant(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
        first = _place(random)
        return frame.drop(frame.index[first : first + length])

    return plant


def _volume(factor: float) -> Fault:
    def plant(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
        frame.loc[frame.index[_place(random) :], "volume"] *= factor
        return frame

    return plant


def _stubs(count: int) -> Fault:
    def plant(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
        sundays = pd.date_range(frame.index[10], frame.index[-1], freq="W-SUN")
        chosen = pd.DatetimeIndex(random.choice(sundays, count, replace=False))
        stubs = frame.reindex(chosen, method="ffill")
        return pd.concat([frame, stubs]).sort_index()

    return plant


def _weekly_end(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    first = _place(random)
    return pd.concat([frame.iloc[:first], frame.iloc[first::5]])


def _same_range(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    del random
    return frame.assign(high=frame["high"].max(), low=frame["low"].min())


def _no_range(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    del random
    return frame.assign(**dict.fromkeys(("open", "high", "low"), frame["close"]))


def _price_as_volume(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    del random
    return frame.assign(volume=frame["close"])


def _returns(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    growth = frame["close"] / frame["close"].shift().fillna(50.0)
    del random
    return frame.assign(**dict.fromkeys(PRICES, growth))


KINDS: dict[str, tuple[str, Fault]] = {
    "x100 for 10 bars and back": ("unit_error", _scaled(100, 10)),
    "/100 for one bar": ("unit_error", _scaled(0.01, 1)),
    "x100 for 200 bars and back": ("unit_error", _scaled(100, 200)),
    "/100 from a day on": ("unit_change", _scaled(0.01)),
    "2:1 split": ("split", _scaled(1 / 2)),
    "3:2 split": ("split", _scaled(2 / 3)),
    "1:10 reverse split": ("split", _scaled(10)),
    "close and high x1.85 in one bar": ("spike", _spike(1.85)),
    "x1.6 for 5 bars and back": ("spike", _scaled(1.6, 5)),
    "high x10 in one bar": ("jump", _wick),
    "30 bars frozen": ("frozen", _frozen(30)),
    "20 bars copied over the next 20": ("copied", _copied),
    "18 bars removed": ("gap", _removed(18)),
    "volume x100 from a day on": ("volume_regime", _volume(100)),
    "10 bars on Sundays": ("weekend", _stubs(10)),
    "weekly bars after daily ones": ("mixed_sizes", _weekly_end),
    "one high and low in all rows": ("constant_column", _same_range),
    "open, high and low equal close": ("no_range", _no_range),
    "prices as volume": ("volume_is_price", _price_as_volume),
    "returns in place of prices": ("returns", _returns),
}


def checks_of(frame: pd.DataFrame) -> set[str]:
    """The names of the checks that find something."""
    return {finding.check for finding in findings_of(Series(frame, pd.DatetimeIndex(frame.index)))}


def error_rates(series: int) -> tuple[dict[str, int], Counter[str]]:
    """Misses by kind of fault, and false alarms by check, of a number of series each."""
    misses = dict.fromkeys(KINDS, 0)
    alarms: Counter[str] = Counter()
    for number, (kind, (check, plant)) in enumerate(KINDS.items()):
        for seed in range(FIRST_SEED, FIRST_SEED + series):
            random = np.random.default_rng([number, seed])
            frame = clean(random)
            alarms.update(checks_of(frame))
            misses[kind] += check not in checks_of(plant(frame.copy(), random))
    return misses, alarms


def main(series: int) -> None:
    """Print the table of ``docs/data.md``."""
    misses, alarms = error_rates(series)
    total = series * len(KINDS)
    print(f"| planted fault | check | missed of {series} | false alarms of the check in {total} clean series |")
    print("|---|---|---|---|")
    for kind, (check, _) in KINDS.items():
        print(f"| {kind} | `{check}` | {misses[kind]} | {alarms[check]} |")
    others = {name: count for name, count in alarms.items() if name not in {check for check, _ in KINDS.values()}}
    print(f"\nOther checks on the clean series: {others or 'none'}.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
