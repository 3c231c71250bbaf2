"""Groups, shared span, holdout and chunks of a plan, and configs of points."""

import json

import numpy as np
import pytest

from core.errors import ConfigError, DataError
from core.types import SignalFrame
from engine.backtest.compiled.policy_table import Reader
from engine.backtest.engine_output import BacktestInput
from engine.config.dotted_paths import with_changes
from engine.sweep.space.space_check import is_policy, trial_config
from engine.sweep.trials import plan as plans
from engine.sweep.trials.plan import SharedSpan, plan_sweep

FOREST = {
    "model": {"kind": "random_forest", "trees": 3},
    "features": [{"kind": "macd", "fast": 5, "slow": 10}, {"kind": "sma", "window": 10}],
    "walk_forward": {"train": 60, "test": 30},
}


def test_a_policy_needs_no_new_signals():
    yes = ("risk.base", "risk.stop", "risk.stop.value", "strategy.entry", "broker.cash")
    no = (
        "strategy",
        "risk",
        "strategy.kind",
        "broker.impact",
        "broker.impact.limit",
        "model.fast",
        "features.0.window",
    )
    assert all(map(is_policy, yes))
    assert not any(map(is_policy, no))


def test_groups_are_the_combinations_of_what_comes_before_the_policy(config_of):
    space = {
        "strategy.entry": [0.0, 0.001],
        "features.0.fast": [3, 5],
        "risk.base": [0.01, 0.02, 0.03],
        "features.1.window": [10, 20],
    }
    plan = plan_sweep(config_of({"space": space}, **FOREST))
    assert plan.count == 24
    assert [group.point for group in plan.groups.by_key.values()] == [
        {"features.0.fast": fast, "features.1.window": window} for fast in (3, 5) for window in (10, 20)
    ]
    columns = plan.points.columns(np.arange(24))
    for number in range(24):
        group = list(plan.groups.by_key.values())[plan.group_numbers[number]]
        assert group.point == {path: columns[path][number] for path in ("features.0.fast", "features.1.window")}
        assert group.config.features[0].fast == columns["features.0.fast"][number]
        assert group.config.strategy.entry == 0.0


def test_combinations_that_contradict_themselves_are_groups_with_a_reason(config_of):
    plan = plan_sweep(config_of({"space": {"features.0.fast": [3, 12], "features.0.slow": [10, 13]}}, **FOREST))
    groups = list(plan.groups.by_key.values())
    assert [bool(group.refusal) for group in groups] == [False, False, True, False]
    assert groups[2].config is None
    assert "fast" in groups[2].refusal
    assert "\n" not in groups[2].refusal
    assert not groups[2].refusal.startswith("setting")


def test_none_of_the_points_can_be(config_of):
    config = config_of({"space": {"features.0.window": [300]}}, **{**FOREST, "features": [{"kind": "sma"}]})
    with pytest.raises(ConfigError, match="none of its points can be run; of the first"):
        plan_sweep(config)


def test_the_span_is_what_the_latest_beginner_has(config_of):
    plan = plan_sweep(config_of({"space": {"model.slow": [8, 50, 20]}}))
    starts = [group.start for group in plan.groups.by_key.values()]
    assert len(set(starts)) == 3
    days = plan.market.times[plan.market.times > max(starts)]
    assert plan.span.sessions.tolist() == days.tz_convert(plan.market.zone).tz_localize(None).normalize().tolist()


def test_tpe_knows_every_beginning_beforehand(config_of):
    """The latest beginner stands in the middle of a list that has no order."""
    config = config_of({"space": {"model.slow": [8, 50, 20]}, "method": "tpe", "trials": 5})
    assert plan_sweep(config).span.sessions.equals(plan_sweep(config_of({"space": {"model.slow": [50]}})).span.sessions)


def test_blocks_cut_the_span_into_about_equal_parts(config_of):
    market = plan_sweep(config_of({"space": {"risk.base": [0.1]}})).market
    for blocks in (4, 6, 16):
        span = SharedSpan.from_start(market, market.times[20], blocks)
        assert span.edges[0] == 0
        assert span.edges[-1] == len(span.sessions) == len(market.times) - 21
        sizes = np.diff(span.edges)
        assert len(sizes) == blocks == span.blocks
        assert sizes.max() - sizes.min() <= 1
    with pytest.raises(DataError, match="share 9 sessions, too few for 16 blocks"):
        SharedSpan.from_start(market, market.times[-10], 16)


def test_chunks_hold_every_trial_once(config_of, monkeypatch):
    monkeypatch.setattr(plans, "CHUNK", 4)
    space = {"risk.base": [0.01, 0.02, 0.03], "model.slow": [8, 12], "strategy.entry": [0.0, 0.001, 0.002]}
    plan = plan_sweep(config_of({"space": space}))
    seen = []
    for group, numbers in plan.chunks():
        assert 1 <= len(numbers) <= 4
        assert (plan.group_numbers[numbers] == group.number).all()
        assert numbers.tolist() == sorted(numbers)
        seen += numbers.tolist()
    assert sorted(seen) == list(range(18))


def test_what_is_kept_is_chosen_beforehand_and_by_the_seed(config_of):
    sweep = {"space": {"risk.base": {"low": 0.001, "high": 0.1, "step": 0.001}}}
    sweep["overfitting"] = {"pbo_blocks": 4, "returns": 20}
    one, two, other = (plan_sweep(config_of(sweep, seed=seed)) for seed in (1, 1, 2))
    assert one.with_returns.tolist() == two.with_returns.tolist() == sorted(set(one.with_returns.tolist()))
    assert len(one.with_returns) == 20
    assert one.with_returns.tolist() != other.with_returns.tolist()
    assert one.summed.tolist() == list(range(100))


def test_a_holdout_ends_what_trials_see(config_of, walk):
    last = walk.index[149]
    plan = plan_sweep(config_of({"space": {"risk.base": [0.1]}, "holdout": f"{last:%F}"}))
    assert plan.market.times[-1].tz_localize(None).normalize() == last
    assert plan.span.sessions[-1] == last
    assert plan.config.data.end == last.date()
    assert plan.config.sweep.holdout == last.date()


def test_kinds_come_before_their_parameters_wherever_they_are_written():
    values = {"risk": {"stop": {"kind": "percent", "value": 0.1}}, "features": [{"kind": "sma", "window": 5}]}
    before = json.dumps(values)
    point = {
        "risk.stop.value": 0.2,
        "features.0.window": 9,
        "risk.stop.kind": "trail_percent",
        "features.0.kind": "ema",
    }
    for order in (point, dict(reversed(point.items()))):
        assert with_changes(values, order) == {
            "risk": {"stop": {"kind": "trail_percent", "value": 0.2}},
            "features": [{"kind": "ema", "window": 9}],
        }
    assert json.dumps(values) == before
    assert with_changes(values, {"features.0.kind": "sma"}) == values
    assert with_changes(values, {"features.0.kind": "rsi"})["features"] == [{"kind": "rsi"}]


def test_an_item_of_a_list_is_changed_alone(config_of):
    config = config_of({"space": {"features.1.window": [10, 20]}}, **FOREST)
    changed = trial_config(config, {"features.1.window": 20})
    assert changed.features[1].window == 20
    assert changed.features[0] == config.features[0]
    assert changed.sweep is None


POINTS = (
    {"risk.stop.kind": "trail_percent"},
    {"risk.stop.kind": "percent"},
    {"risk.stop.value": 0.2, "risk.stop.kind": "trail_percent"},
    {"risk.stop.kind": "trail_percent", "risk.stop.value": 0.2},
    {"risk.stop.kind": "atr", "risk.stop.window": 5, "risk.stop.multiple": 2.0},
    {"risk.stop": None, "risk.base": 0.03},
    {"risk.stop": {"kind": "atr", "window": 3, "multiple": 1.0}},
    {"risk.limits.gross": 0.5, "broker.lot": 1.0, "strategy.side": "long"},
    {"risk.resize.band": 0.2},
)


def test_a_batch_understands_a_point_as_its_config_does(config_of):
    config = config_of({"space": {"risk.base": [0.1]}}, risk={"stop": {"kind": "percent", "value": 0.1}})
    market = config.data.load()
    shape = (len(market.times), 1)
    signals = SignalFrame(market.times, ("X",), np.zeros(shape), np.ones(shape), np.zeros(shape[0], dtype=np.int64))
    reader = Reader(BacktestInput.of(market, signals, config.strategy, config.risk, config.broker, "x"))
    for point in POINTS:
        try:
            expected = trial_config(config, point)
        except ConfigError as error:
            expected = str(error)
        for block in ("risk", "strategy", "broker"):
            block_columns = {path: [value] for path, value in point.items() if path.startswith(f"{block}.")}
            if not block_columns:
                continue
            possible = reader.possible(block_columns)
            if isinstance(expected, str):
                assert possible.policies is None
                assert possible.reasons == {0: expected}
            else:
                changes = {path: values[0] for path, values in block_columns.items()}
                assert reader._spec(block, changes, 0) == getattr(expected, block)
