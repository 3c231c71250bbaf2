"""One whole run against its committed result: a change of any number is seen, and reviewed with ``make golden``."""

import importlib.util
import json
from pathlib import Path

import pytest

from engine.reproduce.tolerances import Tolerances, is_decision
from engine.sweep.load_config import load

HERE = Path(__file__).parent


def rewrite():
    spec = importlib.util.spec_from_file_location("rewrite", HERE / "rewrite.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leaves(node, path=""):
    """Every value with its path."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        yield from leaves(item, f"{path}.{key}" if path else str(key))
    if not isinstance(node, dict | list):
        yield path, node


def changes(was, now):
    """What differs by more than two processors may: decisions first, each with both values."""
    tolerances = Tolerances.from_config(load(HERE / "small.yaml").dump())
    changed = [path for path in was if tolerances.excess(path, was[path], now[path]) > 1]
    decided = [path for path in changed if is_decision(path, was[path], now[path])]
    numbers = [path for path in changed if path not in decided]
    return [
        *(f"decided otherwise: {path}: {was[path]!r} -> {now[path]!r}" for path in decided),
        *(f"another number: {path}: {was[path]!r} -> {now[path]!r}" for path in numbers),
    ]


@pytest.mark.processor
def test_the_golden_run_is_unchanged_on_any_processor():
    """Names, texts, counts, times and sides exactly; numbers as near as `reproduce` asks of another processor's run."""
    module = rewrite()
    was, now = dict(leaves(json.loads(module.GOLDEN.read_text(encoding="utf-8")))), dict(leaves(module.small()))
    assert was.keys() == now.keys()
    assert changes(was, now) == []


@pytest.mark.parametrize(
    ("path", "factor", "kind"),
    [
        ("metrics.measures.benchmark.sharpe.value", 1 + 1e-8, "another number"),  # float64
        ("folds.folds.0.importance.random_forest.sma_20", 1 + 1e-8, "another number"),
        ("folds.folds.0.baselines.zero.mse", 1 + 1e-8, "another number"),
        ("folds.folds.0.importance.lstm.sma_50", 1.1, "another number"),  # by 1.5e-5 of the variance
        ("metrics.forecasts.overall.model.brier_skill", 1.01, "another number"),
        ("metrics.measures.strategy.sharpe.value", 1 + 1e-4, "another number"),
        ("fills.0.size", 1 + 1e-4, "another number"),
        ("fills.0.size", -1.0, "decided otherwise"),
        ("folds.folds.0.members.random_forest.mean_leaves", 1.001, "decided otherwise"),
        ("folds.folds.0.members.lstm.best_epoch", 2, "decided otherwise"),
        ("metrics.trades", 2, "decided otherwise"),
    ],
)
def test_a_change_is_named_and_a_decision_is_called_one(path, factor, kind):
    was = dict(leaves(json.loads((HERE / "small.json").read_text(encoding="utf-8"))))
    [change] = changes(was, {**was, path: was[path] * factor})
    assert change.startswith(f"{kind}: {path}: ")


def test_what_processors_round_otherwise_is_no_change():
    was = dict(leaves(json.loads((HERE / "small.json").read_text(encoding="utf-8"))))
    float32 = {"folds.folds.1.importance.lstm.return_lag_5": 5e-6, "metrics.forecasts.overall.model.brier_skill": 5e-6}
    float64 = {"metrics.measures.benchmark_at_exposure.alpha.value": 1e-15, "folds.folds.0.baselines.zero.r2": 1e-13}
    now = {**was, **{path: was[path] + change for path, change in {**float32, **float64}.items()}}
    assert changes(was, now) == []
