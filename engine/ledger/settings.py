"""Settings as numbers: a key for each, and its Sharpe ratio; and what the number of settings means for one of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import WorkbenchError
from core.number_format import probability
from core.types import Vector
from risk.measures.base import Estimate, undefined
from risk.overfitting import deflated_sharpe

ENTRY = np.dtype([("key", "<u8"), ("sharpe", "<f8")])
"""One setting: its key, and its Sharpe ratio per observation; NaN where it has none."""
Entries = npt.NDArray[Any]
LIMIT = 0.95
"""The deflated Sharpe ratio from which chance among the settings does not explain the best of them."""


def key_of(content: bytes) -> int:
    """The key of a setting: 64 bits of a digest."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def distinct(parts: Sequence[Entries]) -> Entries:
    """Settings of several records, each once; where a record has a Sharpe ratio, it is taken."""
    if not parts:
        return np.empty(0, dtype=ENTRY)
    entries = np.concatenate(parts)
    entries = entries[np.argsort(np.isnan(entries["sharpe"]), kind="stable")]
    return entries[np.unique(entries["key"], return_index=True)[1]]


@dataclass(frozen=True)
class PriorTrials:
    """The settings tried on the same data before a sweep began, and uses of its holdout.

    Attributes
    ----------
    trials : settings of runs, audits and other sweeps on overlapping spans that are not among this sweep's.
    sharpes : the number of them that have a Sharpe ratio.
    mean, squares : of these ratios, per observation; sum of the squares around the mean.
    openings : sweeps that opened a holdout with bars of this one's.
    views : other runs, audits and sweeps that used bars of this sweep's holdout.
    seen_by : their names.
    """

    trials: int
    sharpes: int
    mean: float
    squares: float
    openings: int = 0
    views: int = 0
    seen_by: str = ""

    @property
    def holdout_uses(self) -> str:
        """The earlier uses of the holdout in words; empty if there were none."""
        opened = f"opened by {self.openings} earlier sweep{'s' * (self.openings != 1)}" if self.openings else ""
        viewed = f"used by {self.views} other run{'s' * (self.views != 1)}" if self.views else ""
        uses = " and ".join(text for text in (opened, viewed) if text)
        return f"seen before: {uses} ({self.seen_by})" if uses else ""

    def dump(self) -> dict[str, Any]:
        """A plain mapping for the journal and the manifest; uses of a holdout only where there are any."""
        values = asdict(self)
        return (
            values if self.holdout_uses else {name: values[name] for name in ("trials", "sharpes", "mean", "squares")}
        )


def statistics(entries: Entries) -> PriorTrials:
    """Number, mean and squares of some settings."""
    sharpes = entries["sharpe"][np.isfinite(entries["sharpe"])]
    mean = float(sharpes.mean()) if len(sharpes) else 0.0
    return PriorTrials(len(entries), len(sharpes), mean, float(((sharpes - mean) ** 2).sum()))


def pooled_variance(sharpes: Vector, prior: PriorTrials) -> float:
    """The variance (ddof 1) of this sweep's and prior trials' Sharpe ratios, taken together."""
    finite = sharpes[np.isfinite(sharpes)]
    count = len(finite) + prior.sharpes
    if count < 2:
        return 0.0
    mean = float(finite.mean()) if len(finite) else 0.0
    between = (mean - prior.mean) ** 2 * len(finite) * prior.sharpes / count
    return float((((finite - mean) ** 2).sum() + prior.squares + between) / (count - 1))


@dataclass(frozen=True)
class TriedSettings:
    """The place of a finished run among all settings that were tried on its data.

    Attributes
    ----------
    count : settings tried on these data and overlapping spans, this one included.
    is_new : this one was not tried before.
    variance : of their Sharpe ratios, per observation.
    deflated : the run's deflated Sharpe ratio over them.
    remarks : faults of the ledger, and records that name no data.
    """

    count: int
    is_new: bool
    variance: float
    deflated: Estimate
    remarks: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The number of settings and what it means, for readers of the run."""
        number = f"the {ordinal(self.count)} setting tried on these data"
        first = (
            f"This is {number}." if self.is_new else f"{_settings(self.count)} tried on these data, this one included."
        )
        return (first, *((self._correction,) if self.count > 1 else ()), *self.remarks)

    @property
    def _correction(self) -> str:
        value = self.deflated.value
        if value is None:
            return f"Its Sharpe ratio cannot be corrected for their number: {self.deflated.reason}."
        limit = f"{LIMIT:g} is needed" if value < LIMIT else f"at least {LIMIT:g}, which is needed"
        return (
            f"Deflated Sharpe ratio {probability(value)}: the probability that its true ratio is above what the best "
            f"of {self.count:,} settings without skill would show; {limit}."
        )

    def dump(self) -> dict[str, Any]:
        """A plain mapping for the manifest."""
        return {
            "settings": self.count,
            "is_new": self.is_new,
            "sharpe_variance": self.variance,
            "deflated_sharpe": {"value": self.deflated.value, "reason": self.deflated.reason},
            "sentences": list(self.sentences),
        }


def settings_tried(excess: Vector, entries: Entries, *, is_new: bool, remarks: tuple[str, ...] = ()) -> TriedSettings:
    """The place of a run among settings.

    Parameters
    ----------
    excess : (T,) the run's returns less the risk-free rate, per session.
    entries : all settings, this one included.
    """
    variance = pooled_variance(np.empty(0), statistics(entries))
    return TriedSettings(len(entries), is_new, variance, _deflated(excess, len(entries), variance), remarks)


def _deflated(excess: Vector, count: int, variance: float) -> Estimate:
    try:
        return deflated_sharpe(excess, count, variance)
    except WorkbenchError as error:
        return undefined(error.line)


def ordinal(number: int) -> str:
    """An English ordinal number.

    >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 102, 1011)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '102nd', '1,011th']
    """
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def _settings(count: int) -> str:
    return f"{count:,} settings were" if count != 1 else "1 setting was"
