"""The exam of value at risk: one-day-ahead forecasts of a series by each method, and what the tests say of them."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from core.spec import Spec
from core.types import Vector
from risk.measures._var_methods import Method
from risk.returns import checked_returns

from .rolling_forecasts import Forecasts, forecasts
from .tests import TestResult, acerbi_szekely, basel_zone, christoffersen, kupiec

ALPHA = 0.05
BASEL_DAYS, BASEL_LEVEL = 250, 0.99
LEAST = 250
"""Days with a forecast below which no test can tell a wrong model from a right one."""


class VarBacktestSpec(Spec):
    """One-day-ahead value at risk, held to what happened."""

    window: Annotated[int, Field(ge=100, le=5000)] = 250
    """Sessions before the first forecast, and in each window that a method reads; 100 to 5000."""

    methods: tuple[Method, ...] = ("historical", "gaussian", "cornish_fisher", "ewma")
    """Methods to examine. The GARCH ones take seconds: a fit every 20 sessions. An empty list examines none."""


@dataclass(frozen=True, eq=False)
class VarTest:
    """What the exam says of one method at one level.

    Attributes
    ----------
    method, level : the forecast's.
    n : sessions with a forecast that could be hit: those on which it was a loss.
    hits, expected : returns below the value at risk, and how many a right model would have.
    mean_var, mean_es : of the forecasts, fractions, return-signed.
    kupiec, independence, coverage : tests of :mod:`risk.var.tests`; so are z1 and z2.
    basel : zone of the last 250 sessions, where the level is 99 %; else None with ``basel_reason``.
    tick_loss : mean of (1[hit] - (1 - level)) (VaR - return): the lower, the better the quantile.
    fz_loss : mean joint loss of both forecasts; the lower, the better; None where a shortfall is 0.
    flags : what a reader should know.
    verdict : in a few words.
    """

    method: str
    level: float
    n: int
    hits: int
    expected: float
    mean_var: float
    mean_es: float
    kupiec: TestResult
    independence: TestResult
    coverage: TestResult
    z1: TestResult
    z2: TestResult
    basel: str | None
    basel_reason: str
    tick_loss: float
    fz_loss: float | None
    flags: tuple[str, ...]
    verdict: str

    def dump(self) -> dict[str, Any]:
        """The fields as a plain mapping that JSON can hold."""
        found = {key: value for key, value in asdict(self).items() if key not in ("kupiec", "flags")}
        coverage = {name: getattr(self.kupiec, name) for name in ("statistic", "p_value", "reason")}
        return {**found, "kupiec": coverage, "flags": list(self.flags)}


@dataclass(frozen=True, eq=False)
class VarBacktest:
    """The exam of one series.

    Attributes
    ----------
    window : sessions before the first forecast.
    papers : one a method and level; empty with a reason.
    reason : why there is none; empty where there is one.
    returns : (T,) the series.
    forecasts : None where there is no exam.
    """

    window: int
    papers: tuple[VarTest, ...]
    reason: str
    returns: Vector
    forecasts: Forecasts | None

    def dump(self) -> dict[str, Any]:
        """What metrics.json holds of it."""
        return {"window": self.window, "reason": self.reason, "papers": [paper.dump() for paper in self.papers]}


def run_var_backtest(
    returns: npt.ArrayLike, spec: VarBacktestSpec, levels: Sequence[float], seed: int = 0
) -> VarBacktest:
    """Forecast each session from those before it, and test the forecasts.

    A session whose forecast is no loss, because nothing moved in the window before it, is left out: there is nothing to
    be hit.

    Parameters
    ----------
    returns : (T,) simple returns per session, fractions. NaN is an error.
    levels : confidences, between 0.5 and 1.
    seed : of the simulated p-values.

    Returns
    -------
    An exam, or one without papers and with the reason: no methods, or fewer than 250 sessions after the window.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible level, or a window that is too short for it.

    References: Patton, Ziegel and Chen (2019), *Dynamic semiparametric models for expected shortfall (and
    value-at-risk)*, for the joint loss FZ0; Koenker and Bassett (1978), *Regression quantiles*, for the tick loss.

    >>> examine(np.zeros(300), ExamSpec(), [0.95]).reason
    'needs 500 or more returns, 250 of them after the window; has 300'
    """
    values = checked_returns(returns)
    if not spec.methods:
        return VarBacktest(spec.window, (), "measures.exam.methods is empty", values, None)
    if len(values) < spec.window + LEAST:
        reason = f"needs {spec.window + LEAST} or more returns, {LEAST} of them after the window; has {len(values)}"
        return VarBacktest(spec.window, (), reason, values, None)
    found = forecasts(values, spec.window, levels, spec.methods)
    papers = [_paper(values, found, method, level, seed) for level in levels for method in spec.methods]
    kept = tuple(paper for paper in papers if paper is not None)
    return VarBacktest(spec.window, kept, "" if kept else "there was never a risk of loss to forecast", values, found)


def _paper(returns: Vector, found: Forecasts, method: str, level: float, seed: int) -> VarTest | None:
    var, es = found.var[method, level], found.es[method, level]
    known = np.arange(len(returns)) >= found.first
    # NaN, of a model that could not be fitted, compares false.
    rows = known & (var < 0.0) & (es <= var)
    if not rows.any():
        return None
    r, v, e = returns[rows], var[rows], es[rows]
    hits, share = r < v, 1.0 - level
    chain, sizes = christoffersen(hits, level), acerbi_szekely(r, v, e, level, seed=seed)
    count = kupiec(hits, level)
    zone, zone_reason = _basel(hits, level)
    return VarTest(
        method=method,
        level=level,
        n=len(r),
        hits=count.hits,
        expected=count.expected,
        mean_var=float(v.mean()),
        mean_es=float(e.mean()),
        kupiec=TestResult(count.statistic, count.p_value),
        independence=chain.independence,
        coverage=chain.conditional_coverage,
        z1=sizes.z1,
        z2=sizes.z2,
        basel=zone,
        basel_reason=zone_reason,
        tick_loss=float(np.mean((share - hits) * (r - v))),
        fz_loss=_joint_loss(r, v, e, hits, share),
        flags=tuple(_flags(known, var, es)),
        verdict=_verdict(count.hits, count.expected, count.p_value, chain.independence.p_value, sizes.z2),
    )


def _joint_loss(r: Vector, v: Vector, e: Vector, hits: npt.NDArray[np.bool_], share: float) -> float | None:
    """FZ0: mean of -1[hit] (v - r) / (share e) + v / e + ln(-e) - 1."""
    loss = np.where(hits, (r - v) / (share * e), 0.0) + v / e + np.log(-e) - 1.0
    value = float(loss.mean())
    return value if math.isfinite(value) else None


def _basel(hits: npt.NDArray[np.bool_], level: float) -> tuple[str | None, str]:
    if level != BASEL_LEVEL:
        return None, "the zones are for 99 %"
    if len(hits) < BASEL_DAYS:
        return None, f"needs {BASEL_DAYS} sessions, has {len(hits)}"
    return basel_zone(hits[-BASEL_DAYS:], level).zone, ""


def _flags(known: npt.NDArray[np.bool_], var: Vector, es: Vector) -> list[str]:
    missing, flat, odd = known & np.isnan(var), known & (var >= 0.0), known & (var < 0.0) & (es > var)
    texts = (
        (
            flat,
            "the value at risk was no loss on {days} days, which are left out: little was held, or the formula fails",
        ),
        (missing, "there was no forecast on {days} days: the model could not be fitted"),
        (odd, "the shortfall was above the value at risk on {days} days, which are left out"),
    )
    return [text.format(days=int(rows.sum())) for rows, text in texts if rows.any()]


def _verdict(hits: int, expected: float, coverage: float | None, chain: float | None, z2: TestResult) -> str:
    """What the p-values say at 5 %, in words."""
    found = []
    if coverage is not None and coverage <= ALPHA:
        found.append("too many hits" if hits > expected else "too few hits")
    if chain is not None and chain <= ALPHA:
        found.append("hits cluster")
    if z2.p_value is not None and z2.p_value <= ALPHA:
        found.append("shortfall too small")
    return ", ".join(found) or "passes"
