"""Walk-forward selection against a plain re-implementation, by hand, and with another future."""

import numpy as np
import pytest

from engine.config.sweep_spec import SweepSpec
from engine.sweep.judgement.walk_forward_selection import select
from risk.measures.base import Sample
from risk.measures.max_drawdown import MaxDrawdown
from risk.measures.sharpe import Sharpe
from risk.measures.skew import Skew
from risk.measures.sortino import Sortino
from risk.measures.total_return import TotalReturn
from risk.measures.volatility import Volatility
from risk.periods import Year

YEAR = Year(252.0, 0.02)


def spec_of(objective="sharpe", direction="max", constraints=()):
    return SweepSpec.parse(
        {
            "space": {"risk.base": [0.1]},
            "objective": {"measure": objective, "direction": direction},
            "constraints": list(constraints),
        }
    )


def plain(spec, measure, returns, numbers, default, window, *, keeps=lambda past: True):
    """The same, slowly: one day, one trial, one measure at a time."""
    earned = []
    chosen = []
    held = -1
    for first in range(0, returns.shape[1], window):
        best, best_value = -1, None
        for number, row in zip(numbers, returns, strict=True):
            if not first or not keeps(row[:first]):
                continue
            value = measure.of(Sample(row[:first], periods_per_year=YEAR.periods, risk_free=YEAR.risk_free)).value
            better = value is not None and (
                best_value is None or (value > best_value if spec.objective.direction == "max" else value < best_value)
            )
            if better:
                best = number
                best_value = value
        row = default if best < 0 else returns[list(numbers).index(best)]
        for day in range(first, min(first + window, returns.shape[1])):
            paid = fee(held, best, day) if first and day == first and best != held else 0.0
            earned.append((1 + row[day]) * (1 - paid) - 1)
        held = best
        chosen.append(best)
    return earned, chosen


def fee(before, after, day):
    return 0.0001 * (before + 2) + 0.001 * (after + 2) + 1e-6 * day


MEASURES = (Sharpe(), Sortino(), TotalReturn(), MaxDrawdown(), Volatility(), Skew())


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.kind)
@pytest.mark.parametrize("direction", ["max", "min"])
def test_it_is_what_a_plain_loop_gives(measure, direction):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        returns = rng.normal(0.0005, 0.01, (9, 130))
        returns[3] = 0.0  # never traded
        numbers = np.sort(rng.choice(1000, 9, replace=False))
        default = rng.normal(0.0, 0.01, 130)
        spec = spec_of(measure.kind, direction)
        selection = select(spec, returns, numbers, default, 20, YEAR, fee)
        earned, chosen = plain(spec, measure, returns, numbers, default, 20)
        assert selection.chosen.tolist() == chosen
        np.testing.assert_allclose(selection.returns, earned, rtol=1e-12, atol=1e-15)
        assert selection.judged_by == measure.name
        assert selection.edges.tolist() == [0, 20, 40, 60, 80, 100, 120, 130]


def test_constraints_are_kept_to():
    rng = np.random.default_rng(3)
    returns = rng.normal(0.001, 0.02, (12, 100))
    spec = spec_of("sharpe", constraints=[{"measure": "max_drawdown", "op": ">=", "value": -0.15}])

    def keeps(past):
        return MaxDrawdown().of(Sample(past, periods_per_year=252.0)).value >= -0.15

    selection = select(spec, returns, np.arange(12), np.zeros(100), 25, YEAR, fee)
    earned, chosen = plain(spec, Sharpe(), returns, np.arange(12), np.zeros(100), 25, keeps=keeps)
    assert selection.chosen.tolist() == chosen
    np.testing.assert_allclose(selection.returns, earned, rtol=1e-12)
    assert len(set(chosen)) > 2


def test_a_case_by_hand():
    """Of two trials, 7 earns 1 % and then loses 2 % a day; 9 the other way round; a block is two days."""
    returns = np.array([[0.01, 0.01, -0.02, -0.02, -0.02, -0.02], [-0.02, -0.02, 0.01, 0.01, 0.01, 0.01]])
    selection = select(
        spec_of("total_return"),
        returns,
        np.array([7, 9]),
        np.full(6, 0.005),
        2,
        Year(252.0, 0.0),
        lambda before, after, day: {(-1, 7, 2): 0.1, (7, 9, 4): 0.2}[before, after, day],
    )
    # After two days 7 has 1.0201 and 9 0.9604; after four 7 has 0.9797 and 9 0.9797: the first of equals.
    assert selection.chosen.tolist() in ([-1, 7, 7], [-1, 7, 9])
    last = [-0.02, -0.02] if selection.chosen[-1] == 7 else [1.01 * 0.8 - 1, 0.01]
    np.testing.assert_allclose(selection.returns, [0.005, 0.005, 0.98 * 0.9 - 1, -0.02, *last], rtol=1e-12)


def test_a_switch_is_paid_once_on_its_first_day():
    returns = np.array([[0.02, 0.01, -0.05, -0.04, 0.0, 0.0], [-0.01, -0.02, 0.03, 0.02, 0.01, 0.02]])
    switches = []

    def paid(before, after, day):
        switches.append((before, after, day))
        return 0.01

    selection = select(spec_of("total_return"), returns, np.array([0, 5]), np.zeros(6), 2, Year(252.0, 0.0), paid)
    assert selection.chosen.tolist() == [-1, 0, 5]
    assert switches == [(-1, 0, 2), (0, 5, 4)]
    np.testing.assert_allclose(selection.returns, [0, 0, 0.95 * 0.99 - 1, -0.04, 1.01 * 0.99 - 1, 0.02], rtol=1e-12)


@pytest.mark.parametrize("objective", ["sharpe", "max_drawdown", "skew", "calmar"])
def test_no_choice_knows_a_return_of_its_block_or_later(objective):
    rng = np.random.default_rng(8)
    returns = rng.normal(0.0, 0.01, (15, 120))
    default = rng.normal(0.0, 0.01, 120)
    spec = spec_of(objective, constraints=[{"measure": "max_drawdown", "op": ">", "value": -0.5}])
    full = select(spec, returns, np.arange(15), default, 20, YEAR, fee)
    for block, first in enumerate(range(0, 120, 20)):
        other = returns.copy()
        other[:, first:] = rng.normal(0.0, 0.05, other[:, first:].shape)
        selection = select(spec, other, np.arange(15), default, 20, YEAR, fee)
        if block:  # the first block decides which measure can judge, and nothing else
            assert selection.judged_by == full.judged_by
        assert selection.chosen[: block + 1].tolist() == full.chosen[: block + 1].tolist()
        np.testing.assert_array_equal(selection.returns[:first], full.returns[:first])


def test_what_needs_more_than_returns_is_judged_by_the_sharpe_ratio():
    returns = np.random.default_rng(2).normal(0.0, 0.01, (4, 60))
    expected = plain(spec_of(), Sharpe(), returns, np.arange(4), np.zeros(60), 20)[1]
    assert expected != [-1, -1, -1]
    for objective in ("turnover", "information_ratio"):
        for direction in ("max", "min"):  # of the Sharpe ratio, more is better whatever the objective says of itself
            selection = select(spec_of(objective, direction), returns, np.arange(4), np.zeros(60), 20, YEAR, fee)
            assert selection.judged_by == "sharpe"
            assert selection.chosen.tolist() == expected


def test_a_past_too_short_for_the_objective_chooses_nothing():
    returns = np.random.default_rng(2).normal(0.0, 0.01, (4, 160))
    objective = {"measure": {"kind": "value_at_risk", "level": 0.99}}
    spec = SweepSpec.parse({"space": {"risk.base": [0.1]}, "objective": objective})
    selection = select(spec, returns, np.arange(4), np.zeros(160), 40, YEAR, fee)
    assert selection.chosen[:3].tolist() == [-1, -1, -1]  # 40 and 80 returns have no worst hundredth
    assert selection.chosen[3] == np.argmax(np.quantile(returns[:, :120], 0.01, axis=1))


def test_what_can_be_said_of_none_is_the_config_as_it_stands():
    """A measure that was defined at first and is not any more: nothing moves after the first block."""
    from engine.sweep.judgement import walk_forward_selection

    class Fading(Skew):
        @property
        def kind(self):
            return "fading"

        def estimate(self, sample):
            return (
                super().estimate(sample)
                if len(sample.returns) <= 20
                else super().estimate(Sample(np.zeros(40), periods_per_year=252.0))
            )

    spec = spec_of("skew").model_copy(
        update={"objective": spec_of("skew").objective.model_copy(update={"measure": Fading()})}
    )
    returns = np.random.default_rng(2).normal(0.0, 0.01, (4, 60))
    assert walk_forward_selection.selection_measure(spec, returns[:, :20], YEAR).name == "fading"
    selection = select(spec, returns, np.arange(4), np.zeros(60), 20, YEAR, fee)
    assert selection.chosen[2] == -1


def test_a_span_shorter_than_a_block_is_traded_as_it_stands():
    default = np.array([0.01, 0.02, 0.03])
    selection = select(spec_of(), np.zeros((2, 3)), np.array([1, 2]), default, 252, YEAR, fee)
    assert selection.chosen.tolist() == [-1]
    np.testing.assert_array_equal(selection.returns, default)
