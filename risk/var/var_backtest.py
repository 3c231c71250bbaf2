"""VaR backtest: one-day-ahead forecasts of a series by each method, and the tests of their exceedances."""

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
from .tests import Exceedances, Kupiec, TestResult, acerbi_szekely, basel_zone, christoffersen, kupiec

ALPHA = 0.05
BASEL_DAYS, BASEL_LEVEL = 250, 0.99
MIN_DAYS = 250
"""Days with a forecast below which no test can distinguish a wrong model from a right one."""


class VarBacktestSpec(Spec):
    """One-day-ahead value at risk, held to what happened."""

    window: Annotated[int, Field(ge=100, le=5000)] = 250
    """Sessions before the first forecast, and in each window that a method reads; 100 to 5000."""

    methods: tuple[Method, ...] = ("historical", "gaussian", "cornish_fisher", "ewma")
    """Methods to examine. The GARCH ones take seconds: a fit every 20 sessions. An empty list examines none."""


@dataclass(frozen=True, eq=False)
class VarTest:
    """The backtest of one method at one level.

    Attributes
    ----------
    method, level : the forecast's.
    n : sessions with a forecast that could be exceeded: those on which it was a loss.
    hits, expected : exceedances (returns below the value at risk), and their expected number under a right model.
    mean_var, mean_es : of the forecasts, fractions, return-signed.
    kupiec, independence, coverage : tests of :mod:`risk.var.tests`; so are z1 and z2.
    basel : zone of the last 250 sessions, where the level is 99 %; else None with ``basel_reason``.
    tick_loss : mean of (1[exceedance] - (1 - level)) (VaR - return): the lower, the better the quantile.
    fz_loss : mean joint loss of both forecasts; the lower, the better; None where a shortfall is 0.
    flags : notes for the reader.
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
        values = {key: value for key, value in asdict(self).items() if key not in ("kupiec", "flags")}
        coverage = {name: getattr(self.kupiec, name) for name in ("statistic", "p_value", "reason")}
        return {**values, "kupiec": coverage, "flags": list(self.flags)}


@dataclass(frozen=True, eq=False)
class VarBacktest:
    """The VaR backtest of one series.

    Attributes
    ----------
    window : sessions before the first forecast.
    results : one a method and level; empty with a reason.
    reason : why there is none; empty where there is one.
    returns : (T,) the series.
    forecasts : None where there is no backtest.
    """

    window: int
    results: tuple[VarTest, ...]
    reason: str
    returns: Vector
    forecasts: Forecasts | None

    def dump(self) -> dict[str, Any]:
        """The mapping for metrics.json."""
        return {"window": self.window, "reason": self.reason, "papers": [result.dump() for result in self.results]}


def run_var_backtest(
    returns: npt.ArrayLike, spec: VarBacktestSpec, levels: Sequence[float], seed: int = 0
) -> VarBacktest:
    """Forecast each session from those before it, and test the forecasts.

    A session whose forecast is no loss, because nothing moved in the window before it, is left out: it cannot be
    exceeded.

    Parameters
    ----------
    returns : (T,) simple returns per session, fractions. NaN is an error.
    levels : confidences, between 0.5 and 1.
    seed : of the simulated p-values.

    Returns
    -------
    A backtest, or one without results and with the reason: no methods, or fewer than 250 sessions after the window.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible level, or a window that is too short for it.

    References: Patton, Ziegel and Chen (2019), *Dynamic semiparametric models for expected shortfall (and
    value-at-risk)*, for the joint loss FZ0; Koenker and Bassett (1978), *Regression quantiles*, for the tick loss.

    >>> run_var_backtest(np.zeros(300), VarBacktestSpec(), [0.95]).reason
    'needs 500 or more returns, 250 of them after the window; has 300'
    """
    values = checked_returns(returns)
    if not spec.methods:
        return VarBacktest(spec.window, (), "measures.exam.methods is empty", values, None)
    minimum = spec.window + MIN_DAYS
    if len(values) < minimum:
        reason = f"needs {minimum} or more returns, {MIN_DAYS} of them after the window; has {len(values)}"
        return VarBacktest(spec.window, (), reason, values, None)
    forecast = forecasts(values, spec.window, levels, spec.methods)
    tests = [_test(values, forecast, method, level, seed) for level in levels for method in spec.methods]
    results = tuple(test for test in tests if test is not None)
    reason = "" if results else "there was never a risk of loss to forecast"
    return VarBacktest(spec.window, results, reason, values, forecast)


def _test(returns: Vector, forecast: Forecasts, method: str, level: float, seed: int) -> VarTest | None:
    var = forecast.var[method, level]
    es = forecast.es[method, level]
    has_forecast = np.arange(len(returns)) >= forecast.first
    # NaN, of a model that could not be fitted, compares false.
    rows = has_forecast & (var < 0.0) & (es <= var)
    if not rows.any():
        return None
    r, v, e = (values[rows] for values in (returns, var, es))
    exceedances = r < v
    tail_probability = 1.0 - level
    chain = christoffersen(exceedances, level)
    shortfall = acerbi_szekely(r, v, e, level, seed=seed)
    coverage = kupiec(exceedances, level)
    zone, zone_reason = _basel(exceedances, level)
    return VarTest(
        method=method,
        level=level,
        n=len(r),
        hits=coverage.hits,
        expected=coverage.expected,
        mean_var=float(v.mean()),
        mean_es=float(e.mean()),
        kupiec=TestResult(coverage.statistic, coverage.p_value),
        independence=chain.independence,
        coverage=chain.conditional_coverage,
        z1=shortfall.z1,
        z2=shortfall.z2,
        basel=zone,
        basel_reason=zone_reason,
        tick_loss=float(np.mean((tail_probability - exceedances) * (r - v))),
        fz_loss=_joint_loss(r, v, e, exceedances, tail_probability),
        flags=tuple(_flags(has_forecast, var, es)),
        verdict=_verdict(coverage, chain.independence, shortfall.z2),
    )


def _joint_loss(r: Vector, v: Vector, e: Vector, exceedances: Exceedances, tail_probability: float) -> float | None:
    """FZ0: mean of -1[exceedance] (v - r) / (p e) + v / e + ln(-e) - 1, p the tail's probability."""
    loss = np.where(exceedances, (r - v) / (tail_probability * e), 0.0) + v / e + np.log(-e) - 1.0
    value = float(loss.mean())
    return value if math.isfinite(value) else None


def _basel(exceedances: Exceedances, level: float) -> tuple[str | None, str]:
    if level != BASEL_LEVEL:
        return None, "the zones are for 99 %"
    if len(exceedances) < BASEL_DAYS:
        return None, f"needs {BASEL_DAYS} sessions, has {len(exceedances)}"
    return basel_zone(exceedances[-BASEL_DAYS:], level).zone, ""


def _flags(has_forecast: npt.NDArray[np.bool_], var: Vector, es: Vector) -> list[str]:
    missing = has_forecast & np.isnan(var)
    flat = has_forecast & (var >= 0.0)
    inconsistent = has_forecast & (var < 0.0) & (es > var)
    texts = (
        (
            flat,
            "the value at risk was no loss on {days} days, which are left out: little was held, or the formula fails",
        ),
        (missing, "there was no forecast on {days} days: the model could not be fitted"),
        (inconsistent, "the shortfall was above the value at risk on {days} days, which are left out"),
    )
    return [text.format(days=int(days.sum())) for days, text in texts if days.any()]


def _verdict(coverage: Kupiec, independence: TestResult, z2: TestResult) -> str:
    """The tests that reject the model at 5 %, in words."""
    problems = []
    if _rejects(coverage):
        problems.append("too many hits" if coverage.hits > coverage.expected else "too few hits")
    if _rejects(independence):
        problems.append("hits cluster")
    if _rejects(z2):
        problems.append("shortfall too small")
    return ", ".join(problems) or "passes"


def _rejects(test: TestResult) -> bool:
    return test.p_value is not None and test.p_value <= ALPHA
