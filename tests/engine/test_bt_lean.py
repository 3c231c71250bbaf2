"""The lean loop of backtrader against its plain one: equal tables, bit for bit; and when it is used."""

import gc
from importlib.metadata import version
from pathlib import Path
from runpy import run_path

import backtrader as bt
import pytest

from engine import bt_engine, bt_lean
from engine.books import Task
from engine.config import load
from engine.engines import first_difference
from signals.generate import generate
from strategies._backtrader import SignalStrategy

case = run_path(str(Path(__file__).with_name("random_cases.py")))["case"]


@pytest.fixture
def plain(monkeypatch):
    """Runs a task by the plain loop."""

    def run(task):
        with monkeypatch.context() as patch:
            patch.setattr(bt_lean, "VERSION", "0.0")
            return bt_engine.carry_out(task, solvent=False)

    return run


def test_random_settings_give_the_same_bits(plain):
    fills, reasons = 0, set()
    for seed in range(60):
        task = Task.of(*case(seed, tight=seed % 2 == 0), "x")
        one, other = plain(task), bt_engine.carry_out(task, solvent=False)
        assert first_difference(one, other) == "", seed
        fills += len(one.fills)
        reasons |= {reason.split(":")[0] for reason in one.orders["reason"]}
    assert fills > 1000
    assert {"not enough cash at submission", "cap at the fill", "stop_passed", "rejected by the broker"} <= reasons


def test_real_bars_give_the_same_bits(plain):
    config = load(Path("configs/sma_cross.yaml"), ["data.end=2003-12-31"])
    market = config.data.load()
    signals = generate(market, config.signals).frame
    task = Task.of(market, signals, config.strategy, config.risk, config.broker, config.id)
    assert first_difference(plain(task), bt_engine.carry_out(task)) == ""


def test_the_lean_loop_is_used_with_the_version_that_it_was_compared_with(monkeypatch, caplog):
    assert version("backtrader") == bt_lean.VERSION
    used = []
    for kind in (bt_lean.LeanStrategy, SignalStrategy):
        monkeypatch.setattr(kind, "start", lambda self, kind=kind: used.append(kind))
    task = Task.of(*case(1), "x")
    bt_engine.carry_out(task, solvent=False)
    assert used == [bt_lean.LeanStrategy]
    monkeypatch.setattr(bt_lean, "version", lambda name: "1.9.79")
    with caplog.at_level("INFO", logger="engine"):
        bt_engine.carry_out(task, solvent=False)
    assert used == [bt_lean.LeanStrategy, SignalStrategy]
    assert "its plain loop runs" in caplog.text


def test_backtrader_itself_is_left_alone():
    bt_engine.carry_out(Task.of(*case(1), "x"), solvent=False)
    assert bt.Cerebro._runonce.__module__ == "backtrader.cerebro"
    assert bt.order.BuyOrder.__init__.__module__ == "backtrader.order"
    assert bt.brokers.BackBroker.notify.__module__ == "backtrader.brokers.bbroker"


def test_the_garbage_collector_is_on_again_after_a_run():
    bt_engine.carry_out(Task.of(*case(1), "x"), solvent=False)
    assert gc.isenabled()
