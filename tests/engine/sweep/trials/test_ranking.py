"""Ranking of trials, against results by hand."""

import numpy as np
import pytest

from engine.config.sweep_spec import Constraint, SweepSpec
from engine.sweep.trials.ranking import TrialRanking, constraint_violation
from engine.sweep.trials.trial_scores import Scores

NAN = float("nan")
NAMES = ("sharpe", "max_drawdown", "final_value", "fills")


def ranking_of(rows, objective="sharpe", direction="max", constraints=(), status=None):
    """A ranking from rows of sharpe, drawdown, final value and fills."""
    spec = SweepSpec.parse(
        {
            "space": {"risk.base": [0.1]},
            "objective": {"measure": objective, "direction": direction},
            "constraints": list(constraints),
        }
    )
    ranking = TrialRanking.empty(spec, len(rows))
    columns = dict(zip(NAMES, np.array(rows, dtype=float).T, strict=True))
    empty = np.empty(0, dtype=np.int64)
    blank = {"total": np.empty((0, 1)), "squares": np.empty((0, 1)), "returns": np.empty((0, 1))}
    for part in (np.arange(1, len(rows), 2), np.arange(0, len(rows), 2)):  # as they come
        ranking.add(
            Scores(
                numbers=part,
                status=np.array(status or ["done"] * len(rows))[part],
                reason=np.full(len(part), ""),
                values={name: values[part] for name, values in columns.items()},
                summed=empty,
                with_returns=empty,
                **blank,
            )
        )
    return ranking


def test_the_best_comes_first_and_of_equals_the_earlier():
    ranking = ranking_of([(1, -0.1, 10, 1), (2, -0.1, 11, 1), (NAN, 0, 10, 0), (2, -0.1, 12, 1), (3, -0.1, 9, 1)])
    assert ranking.ranked.tolist() == [4, 1, 3, 0]
    assert ranking.best(2) == [4, 1]
    assert ranking.best(9) == [4, 1, 3, 0]
    assert ranking.done == 5


def test_the_least_may_be_best():
    rows = [(1, -0.3, 10, 1), (1, -0.1, 11, 1), (1, -0.2, 12, 1)]
    assert ranking_of(rows, "max_drawdown", "max").ranked.tolist() == [1, 2, 0]
    assert ranking_of(rows, "max_drawdown", "min").ranked.tolist() == [0, 2, 1]


def test_twins_are_named_once():
    ranking = ranking_of([(2, -0.1, 10, 3), (2, -0.2, 10, 3), (2, -0.1, 10, 4), (1, -0.1, 5, 3)])
    assert ranking.best(3) == [0, 2, 3]
    assert ranking.best(1) == [0]


def test_what_is_not_done_is_no_candidate():
    status = ["ruined", "failed", "invalid", "done"]
    ranking = ranking_of([(9, 0, 1, 1), (NAN, NAN, NAN, NAN), (NAN, NAN, NAN, NAN), (0.1, -0.1, 1, 1)], status=status)
    assert ranking.ranked.tolist() == [3]
    assert ranking.counts == {"done": 1, "failed": 1, "invalid": 1, "ruined": 1}


def test_nothing_is_known_before_anything_is_done():
    ranking = TrialRanking.empty(SweepSpec.parse({"space": {"risk.base": [0.1]}}), 3)
    assert (ranking.done, ranking.counts, ranking.ranked.tolist(), ranking.best(2)) == (0, {}, [], [])


def test_infinite_is_no_objective():
    assert ranking_of([(np.inf, 0, 1, 1), (-np.inf, 0, 2, 1), (1, 0, 3, 1)]).ranked.tolist() == [2]


@pytest.mark.parametrize(
    ("op", "met"),
    [
        (">=", [False, True, True]),
        (">", [False, False, True]),
        ("<=", [True, True, False]),
        ("<", [True, False, False]),
    ],
)
def test_a_constraint_is_met_as_it_says(op, met):
    constraint = Constraint.parse({"measure": "max_drawdown", "op": op, "value": -0.2})
    violation = constraint_violation(constraint, {"max_drawdown": np.array([-0.3, -0.2, -0.1, NAN])})
    assert (violation <= 0).tolist() == [*met, False]
    assert violation[3] == np.inf
    np.testing.assert_allclose(np.abs(violation[:3]), [0.1, 0.0, 0.1], atol=1e-15)
    rows = [(1, value, number, 1) for number, value in enumerate((-0.3, -0.2, -0.1, NAN))]
    ranking = ranking_of(rows, constraints=[{"measure": "max_drawdown", "op": op, "value": -0.2}])
    assert sorted(ranking.ranked.tolist()) == [number for number in range(3) if met[number]]


def test_every_constraint_must_be_met():
    rows = [(1, -0.3, 1, 1), (2, -0.1, 2, 1), (3, -0.1, 3, 1)]
    constraints = [
        {"measure": "max_drawdown", "op": ">", "value": -0.2},
        {"measure": "sharpe", "op": "<", "value": 2.5},
    ]
    assert ranking_of(rows, constraints=constraints).ranked.tolist() == [1]
