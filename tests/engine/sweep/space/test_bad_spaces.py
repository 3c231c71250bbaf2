"""Every sweep that cannot be is refused in one line with its place, before anything is trained."""

import pytest

from engine.cli.main import main
from engine.sweep.load_config import load
from engine.sweep.trials.plan import plan_sweep

BASE = """name: bad
data: {source: {kind: sample, symbols: [nasdaq]}, end: 2000-12-31}
model: {kind: random_forest}
features: [{kind: sma, window: 20}, {kind: macd}]
strategy: {kind: threshold}
sweep:
"""
LINE = BASE.count("\n") + 1
ONE = "  space: {risk.base: [0.01, 0.02]}\n"
BAD = {
    "empty space": ("  space: {}", 0, ["sweep.space: is empty", "give at least one key"]),
    "no space": ("  trials: 3", -1, ["sweep.space: is missing"]),
    "empty axis": ("  space:\n    risk.base: []", 1, ["risk.base: is empty; give at least one value"]),
    "one value": ("  space:\n    risk.base: 0.1", 1, ["risk.base: must be a list of values", "given 0.1"]),
    "nothing": ("  space:\n    risk.base:", 1, ["risk.base: must be a list of values", "given None"]),
    "unknown key": ("  space:\n    risk.bse: [0.1]", 1, ["sweep.space.risk.bse", "did you mean 'base'"]),
    "unknown block": ("  space:\n    rsk.base: [0.1]", 1, ["rsk", "did you mean 'risk'"]),
    "out of range": ("  space:\n    risk.base: [0.1, 2.0]", 1, ["risk.base: 2.0", "at most 1; for 2 % write 0.02"]),
    "range leaves": ("  space:\n    risk.base: {low: 0.5, high: 1.5, step: 0.5}", 1, ["risk.base: 1.5", "at most 1"]),
    "a text": ("  space:\n    risk.base: [a]", 1, ['risk.base: "a"', "valid number; given 'a'"]),
    "not a number": ("  space:\n    risk.base: [.nan]", 1, ["risk.base: NaN", "finite number"]),
    "twice": ("  space:\n    risk.base: [0.1, 0.1]", 1, ["risk.base: holds 0.1 twice; keep one"]),
    "low above high": (
        "  space:\n    risk.base: {low: 0.2, high: 0.1, step: 0.1}",
        1,
        ["low (0.2) must be below high"],
    ),
    "infinite": ("  space:\n    risk.base: {low: 0.2, high: .inf, step: 0.1}", 1, ["risk.base.high", "given inf"]),
    "no step": ("  space:\n    risk.base: {low: 0.1, high: 0.2}", 1, ["risk.base: a grid needs", "add `step`"]),
    "negative step": ("  space:\n    risk.base: {low: 0.1, high: 0.2, step: -1}", 1, ["step (-1) must be above 0"]),
    "wide step": ("  space:\n    risk.base: {low: 0.1, high: 0.2, step: 0.2}", 1, ["at most high - low (0.1)"]),
    "step 0": ("  space:\n    risk.base: {low: 0.1, high: 0.2, step: 0}", 1, ["step (0) must be above 0"]),
    "log of 0": ("  space:\n    risk.base: {low: 0, high: 0.2, log: true}", 1, ["log needs a low above 0"]),
    "half a range": ("  space:\n    risk.base: {low: 0.1}", 1, ["risk.base.high: is missing"]),
    "many values": (
        "  space:\n    risk.base: {low: 0.0, high: 1.0, step: 0.000000001}",
        1,
        ["makes 1,000,000,001 values", "method: sobol"],
    ),
    "many points": (
        "  space:\n"
        + "".join(f"    {key}: {{low: 0.001, high: 1, step: 0.001}}\n" for key in ("risk.base", "risk.cap"))
        # the third axis makes a thousand million of it
        + "    strategy.entry: {low: 0.001, high: 1, step: 0.001}",
        0,
        ["sweep.space: the grid has 1,000,000,000 points", "method: sobol", "`trials: 1000000000`"],
    ),
    "no measure": (f"{ONE}  objective: {{measure: sharp}}", 1, ["objective.measure", "did you mean 'sharpe'"]),
    "of trades": (
        f"{ONE}  objective: {{measure: win_rate}}",
        1,
        ["sweep.objective: win_rate needs every closed trade"],
    ),
    "trades kept to": (
        f"{ONE}  constraints: [{{measure: win_rate, op: '>', value: 0.5}}]",
        1,
        ["sweep.constraints: win_rate needs every closed trade", "take a measure of returns"],
    ),
    "contradictory": (
        f"{ONE}  constraints: [{{measure: sharpe, op: '>=', value: 2}}, {{measure: sharpe, op: '<', value: 1}}]",
        1,
        ["sweep.constraints: no trial can meet them", "at least 2 and at most 1"],
    ),
    "equal but strict": (
        f"{ONE}  constraints: [{{measure: sharpe, op: '>', value: 1}}, {{measure: sharpe, op: '<=', value: 1}}]",
        1,
        ["no trial can meet them"],
    ),
    "operator": (f"{ONE}  constraints: [{{measure: sharpe, op: '=>', value: 2}}]", 1, ["constraints.0.op", "'=>'"]),
    "workers": (f"{ONE}  workers: 0", 1, ["sweep.workers", "greater than or equal to 1; given 0"]),
    "misspelt": (f"{ONE}  metod: random", 1, ["sweep.metod: unknown key; did you mean 'method'"]),
    "method": (f"{ONE}  method: rndom", 1, ["sweep.method", "'sobol' or 'tpe'; given 'rndom'"]),
    **{
        f"{name} without trials": (f"{ONE}  method: {name}", -1, [f"sweep.trials: method {name} needs a number"])
        for name in ("random", "sobol", "tpe")
    },
    "no trials": (
        f"{ONE}  method: random\n  trials: 0",
        2,
        ["sweep.trials: input should be greater than or equal to 1"],
    ),
    "more than there are": (f"{ONE}  method: random\n  trials: 3", 2, ["is 3, but the space has 2 points; lower it"]),
    "odd blocks": (f"{ONE}  overfitting: {{pbo_blocks: 5}}", 1, ["pbo_blocks: input should be a multiple of 2"]),
    "parent and child": (
        "  space:\n    risk.stop: [null]\n    risk.stop.value: [0.1]",
        1,
        ["sweep.space.risk.stop: holds risk.stop.value, which is tried as well; keep one"],
    ),
    "data": ("  space:\n    data.start: [2000-01-03]", 1, ["data.start: cannot be tried", "same data", "remove it"]),
    "measures": ("  space:\n    measures.risk_free: [0.0]", 1, ["measures.risk_free: cannot be tried"]),
    "itself": ("  space:\n    sweep.trials: [1]", 1, ["a sweep does not change itself"]),
    **{
        f"{key} changes nothing": (
            f"  space:\n    {key}: [{value}]",
            1,
            [f"{key}: cannot be tried: it changes no result"],
        )
        for key, value in {"name": "a", "workers": 1, "engine": "both", "report.tearsheet": "true"}.items()
    },
    "no such item": (
        "  space:\n    features.9.window: [3]",
        1,
        ["features.9.window: 3", "in a list of 2; count from 0"],
    ),
    "no number": ("  space:\n    features.first.window: [3]", 1, ["no 'first' in a list of 2"]),
    "an odd digit": ("  space:\n    features.².window: [3]", 1, ["no '²' in a list of 2"]),
    "in a list": ("  space:\n    features.0.windw: [3]", 1, ["windw", "did you mean 'window'"]),
    "no kind": ("  space:\n    model.kind: [ridge, rigde]", 1, ['model.kind: "rigde"', "did you mean 'ridge'"]),
    "never together": (
        "  space:\n    features.1.fast: [26, 30]\n    features.1.slow: [10, 20]",
        1,
        ["sweep.space.features.1.fast: 26", "fast"],
    ),
    "value never": (
        "  space:\n    features.1.fast: [5, 60]\n    features.1.slow: [10, 20]",
        1,
        ["sweep.space.features.1.fast: 60"],
    ),
    "least order": (
        "  space:\n    risk.limits.min_order: [1000000]",
        1,
        ["min_order", "more than cap x cash", "lower it"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_in_one_line_with_its_place(name, tmp_path):
    text, line, parts = BAD[name]
    path = tmp_path / "bad.yaml"
    path.write_text(f"{BASE}{text}\n")
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it has to be one of ours
        load(path)
    message = caught.value.line
    assert message.startswith(f"{path}:{LINE + line}: "), message
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize("check", [[], ["--check"]], ids=["run", "check"])
@pytest.mark.parametrize("name", ["unknown key", "many points", "of trades", "contradictory", "tpe without trials"])
def test_the_command_line_says_so_and_writes_nothing(name, check, tmp_path, capsys):
    text, _, parts = BAD[name]
    path = tmp_path / "bad.yaml"
    path.write_text(f"{BASE}{text}\n")
    assert main([str(path), "--out", str(tmp_path / "runs"), *check]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {path}:")
    assert err.count("\n") == 1
    for part in parts:
        assert part in err
    assert [item.name for item in tmp_path.iterdir()] == ["bad.yaml"]


GOOD = {
    "loose beside the binding": f"{ONE}  constraints:\n"
    "    - {measure: sharpe, op: '>', value: 0}\n    - {measure: sharpe, op: '>=', value: 1}\n"
    "    - {measure: sharpe, op: '<=', value: 1}",
    "possible with more cash": "  space:\n    risk.limits.min_order: [0, 10000]\n    broker.cash: [10000, 1000000]",
    "possible beside another": "  space:\n    features.1.fast: [5, 30]\n    features.1.slow: [20, 60]",
    "whole blocks": "  space:\n    risk.stop: [null, {kind: percent, value: 0.05}]\n    model: [{kind: ridge}]",
    "a kind and its parameters": "  space:\n    risk.stop.value: [0.05]\n    risk.stop.kind: [percent, trail_percent]",
    "as many as there are": f"{ONE}  method: random\n  trials: 2",
    "stated": "  trials: 2000000\n  space:\n    risk.base: {low: 0.0001, high: 1, step: 0.0001}\n"
    "    risk.cap: {low: 0.005, high: 1, step: 0.005}",
}


@pytest.mark.parametrize("name", GOOD)
def test_what_can_be_is_not_refused(name, tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(f"{BASE}{GOOD[name]}\n")
    assert load(path).sweep is not None


@pytest.mark.parametrize("date", ["2030-01-02", "2000-12-31", "2000-12-30", "1990-01-02"])
def test_a_holdout_outside_the_bars_is_refused(date, tmp_path):
    path = tmp_path / "bad.yaml"
    base = BASE.replace("random_forest", "sma_cross").replace("features", "# features")
    path.write_text(f"{base}{ONE}  holdout: {date}\n")
    config = load(path)
    for end in ("2000-12-31", None):
        data = config.data.model_copy(update={"end": config.data.end if end else None})
        if not end and date.startswith("2000"):
            continue
        with pytest.raises(Exception, match=r"sweep\.holdout") as caught:
            plan_sweep(config.model_copy(update={"data": data}))
        assert date in caught.value.line
