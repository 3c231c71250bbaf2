"""Tests of skill: one-sided tests of forecasts out of sample, and the rule that combines them."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.types import Vector
from risk.mean_tests import holm, one_sided_p, overlap_error

ALPHA = 0.05
MIN_TIMES = 30  # the tests' distribution is only known for many decision times
NO_SKILL = "no evidence of skill"
BEATS = "beats the baselines; not corrected for selection"

CLARK_WEST = "Clark-West"
DIEBOLD_MARIANO = "Diebold-Mariano"
PESARAN_TIMMERMANN = "Pesaran-Timmermann"
RANK_IC = "rank IC"

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "size of the return": ("zero", "expanding_mean"),
    "direction": ("direction",),
    "rank": ("rank_ic",),
}
"""What the forecasts may know, each with the tests that must all reject: a p-value is the largest of its tests'."""


@dataclass(frozen=True)
class SkillTest:
    """A one-sided test of forecasts.

    Attributes
    ----------
    method : the name of the test.
    mean : of the tested quantity; above 0 where the forecasts are better.
    statistic : the mean over its standard error; None with a reason.
    p_value : of so high a statistic if the forecasts were no better; None with a reason.
    n : decision times.
    reason : why there is no test; empty otherwise.
    """

    method: str
    mean: float | None = None
    statistic: float | None = None
    p_value: float | None = None
    n: int = 0
    reason: str = ""

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return asdict(self)


@dataclass(frozen=True)
class Answer:
    """The answer to one of the :data:`QUESTIONS`.

    Attributes
    ----------
    p_value : the largest of its tests; None where one of them could not be made.
    adjusted : Holm's, over the questions that could be answered.
    """

    p_value: float | None
    adjusted: float | None

    @property
    def yes(self) -> bool:
        """True where the forecasts know something, at 5 % over all questions."""
        return self.adjusted is not None and self.adjusted <= ALPHA


def clark_west(label: Vector, prediction: Vector, baseline: Vector) -> Vector:
    """(K,) adjusted loss differences of forecasts and a nested baseline; their mean is tested against 0.

    ``(y - b)^2 - [(y - p)^2 - (b - p)^2]``. A model that nests its baseline has noise in its predictions that the
    baseline does not have, and so the larger squared error if it knows nothing. The last term takes that out.

    Parameters
    ----------
    label, prediction, baseline : (K,) y, p and b, finite.

    References
    ----------
    Clark, T. E. and West, K. D. (2007), Approximately normal tests for equal predictive accuracy in nested models,
    Journal of Econometrics 138(1), 291-311: equation 3.1.

    >>> clark_west(np.array([2.0]), np.array([1.0]), np.array([0.0])).tolist()  # 4 - (1 - 1)
    [4.0]
    """
    return np.asarray((label - baseline) ** 2 - ((label - prediction) ** 2 - (baseline - prediction) ** 2))


def pesaran_timmermann(label: Vector, prediction: Vector) -> Vector:
    """(K,) products of the deviations of predicted and of actual rises from their shares; their mean is tested.

    The mean is half of the hit rate less that of independent signs with the same shares of rises: the numerator of the
    test. Its error comes from the products themselves, so that dependence between symbols and over time is allowed for.
    A forecast of one sign gives zeros only, whatever its hits. No change counts as no rise.

    References
    ----------
    Pesaran, M. H. and Timmermann, A. (1992), A simple nonparametric test of predictive performance, Journal of
    Business & Economic Statistics 10(4), 461-465. With dependence over time: the same authors (2009), Testing
    dependence among serially correlated multicategory variables, Journal of the American Statistical Association
    104(485).
    """
    rises = (label > 0).astype(np.float64)
    predicted = (prediction > 0).astype(np.float64)
    return np.asarray((rises - rises.mean()) * (predicted - predicted.mean()))


def rank_products(label_ranks: Vector, prediction_ranks: Vector) -> Vector:
    """(K,) products of standardised ranks; their mean is Spearman's rank correlation."""
    label = label_ranks - label_ranks.mean()
    prediction = prediction_ranks - prediction_ranks.mean()
    return np.asarray(label * prediction / (label.std() * prediction.std()))


def mean_test(method: str, values: Vector, horizon: int) -> SkillTest:
    """Test whether a mean is above 0, with the standard error of :func:`risk.mean_tests.overlap_error`.

    Parameters
    ----------
    values : (T,) one a decision time in time order, finite.
    horizon : bars that a label spans: labels of neighbouring decisions overlap.
    """
    n = len(values)
    if n < max(MIN_TIMES, 2 * horizon):
        return SkillTest(method, n=n, reason=f"{n} decision times; a test needs {max(MIN_TIMES, 2 * horizon)}")
    mean = float(np.mean(values))
    if np.ptp(values) == 0:
        return SkillTest(method, mean, n=n, reason="the tested quantity is the same at all times")
    statistic = mean / overlap_error(values, horizon)
    return SkillTest(method, mean, statistic, one_sided_p(statistic), n)


def diebold_mariano(difference: Vector, horizon: int) -> SkillTest:
    """Test whether a loss difference has a mean above 0: for forecasts of which neither nests the other.

    The variance of the mean takes in the autocovariances up to lag ``horizon - 1``, which overlapping labels bring.

    Parameters
    ----------
    difference : (T,) the baseline's loss - the model's loss, one a decision time in time order, finite.
    horizon : bars that a label spans.

    References
    ----------
    Diebold, F. X. and Mariano, R. S. (1995), Comparing predictive accuracy, Journal of Business & Economic Statistics
    13(3), 253-263: statistic S1 with the rectangular lag window of section 1.1.
    """
    n = len(difference)
    if n < max(MIN_TIMES, 2 * horizon):
        reason = f"{n} decision times; a test needs {max(MIN_TIMES, 2 * horizon)}"
        return SkillTest(DIEBOLD_MARIANO, n=n, reason=reason)
    mean = float(np.mean(difference))
    if np.ptp(difference) == 0:
        return SkillTest(DIEBOLD_MARIANO, mean, n=n, reason="the losses differ by the same amount at all times")
    centred = difference - mean
    covariances = [float(np.sum(centred[lag:] * centred[: n - lag])) / n for lag in range(horizon)]
    variance = covariances[0] + 2 * sum(covariances[1:])
    if variance <= 0:
        reason = "the estimated variance of the loss difference is not above 0"
        return SkillTest(DIEBOLD_MARIANO, mean, n=n, reason=reason)
    statistic = mean / math.sqrt(variance / n)
    return SkillTest(DIEBOLD_MARIANO, mean, statistic, one_sided_p(statistic), n)


def answers(tests: Mapping[str, SkillTest]) -> dict[str, Answer]:
    """The answer to each question, with Holm's correction over those that could be tested."""
    p_values = {question: _largest(tests, names) for question, names in QUESTIONS.items()}
    adjusted = holm({question: value for question, value in p_values.items() if value is not None})
    return {question: Answer(value, adjusted.get(question)) for question, value in p_values.items()}


def _largest(tests: Mapping[str, SkillTest], names: tuple[str, ...]) -> float | None:
    p_values = [tests[name].p_value for name in names]
    known = [value for value in p_values if value is not None]
    return max(known) if len(known) == len(names) else None


def beats_baselines(tests: Mapping[str, SkillTest]) -> bool:
    """True if the forecasts know the size, the direction or the rank of the returns, at 5 % over the three."""
    return any(answer.yes for answer in answers(tests).values())
