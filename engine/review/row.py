"""A run in a review: a row of its table with a weekly curve, or the reason why there is none."""

import json
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, Self


class Moments(NamedTuple):
    """Length, Sharpe ratio and moments of a run's excess returns, as :class:`risk.overfitting.Track` takes them."""

    n: int
    sharpe: float
    skew: float
    kurtosis: float


@dataclass(frozen=True)
class Curve:
    """Wealth at the end of each week; 1 at the end of the week before the first return.

    Attributes
    ----------
    first_week : number of the first value's week: days since 1970-01-05, a Monday, divided by 7, rounded down.
    wealth : of 1 at the start; one value a week, the last known one where a week has no session.
    benchmark : the same of the benchmark, as long as ``wealth``; empty where there is none.
    """

    first_week: int
    wealth: tuple[float, ...]
    benchmark: tuple[float, ...] = ()

    def to_bytes(self) -> bytes:
        """The first week, the number of weeks, and both curves, as float64."""
        return array("d", (self.first_week, len(self.wealth), *self.wealth, *self.benchmark)).tobytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """The reverse of :meth:`to_bytes`."""
        values = array("d")
        values.frombytes(content)
        end = 2 + int(values[1])
        return cls(int(values[0]), tuple(values[2:end]), tuple(values[end:]))


@dataclass(frozen=True)
class ReviewRow:
    """A finished run or sweep.

    Attributes
    ----------
    folder : its folder, absolute.
    kind : ``run`` or ``sweep``; the measures of a sweep are those of its winner, chosen as the best of its trials.
    name, id : of its config, or of the sweep.
    made_at : ISO time at which it was written, UTC.
    symbols : those that are traded.
    period : of the returns, such as ``day``.
    first, last : dates of the first and of the last return.
    returns : number of returns.
    returns_per_year : of them.
    engine : that computed it.
    measures : by name; None where a measure is undefined.
    units : of the measures, by name.
    verdict, beats : the run's own verdict.
    tries : settings that it was chosen from, itself included: those tried on its data when it was made, by the ledger,
        or the trials of the sweep and those before it; None if they were not recorded.
    leaks : the state of its leak checks.
    reproduced : what the last ``reproduce`` of it found; empty if it never was.
    code : digest of the code that made it.
    config : its settings by dotted path, as texts.
    pages : paths of its pages below its folder: of a run the report, of a sweep its own, then the winner's.
    moments : per return; None where the returns are too few or do not vary.
    deflated : the deflated Sharpe ratio that its own report or sweep states, over ``tries``; None where it states none.
    benchmark_cagr : CAGR of the benchmark at the same exposure; None where there is none.
    flags : what is doubtful about the folder, such as files that were changed after the run.
    """

    folder: str
    kind: str
    name: str
    id: str
    made_at: str
    symbols: tuple[str, ...]
    period: str
    first: str
    last: str
    returns: int
    returns_per_year: float
    engine: str
    measures: Mapping[str, float | None]
    units: Mapping[str, str]
    verdict: str
    beats: bool
    tries: int | None
    leaks: str
    reproduced: str
    code: str
    config: Mapping[str, str]
    pages: tuple[str, ...]
    moments: Moments | None
    deflated: float | None = None
    benchmark_cagr: float | None = None
    flags: tuple[str, ...] = ()
    curve: Curve | None = field(default=None, repr=False)

    def at(self, folder: Path) -> Self:
        """The same row of a folder that was moved."""
        return replace(self, folder=str(folder))

    def to_json(self) -> str:
        """All but the curve."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "curve"}
        return json.dumps(values, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, curve: Curve | None) -> Self:
        """The reverse of :meth:`to_json`."""
        values: dict[str, Any] = json.loads(text)
        for name in ("symbols", "pages", "flags"):
            values[name] = tuple(values[name])
        values["moments"] = Moments(*values["moments"]) if values["moments"] else None
        return cls(**values, curve=curve)


@dataclass(frozen=True)
class Refused:
    """A folder that is listed without figures.

    Attributes
    ----------
    folder : its path.
    reason : why, in one sentence.
    """

    folder: Path
    reason: str
