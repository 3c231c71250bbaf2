"""A whole backtest replayed bar by bar through HTTP, every signal and order size compared.

``python benchmarks/replay.py [config] [every]`` (configs/quickstart.yaml, 1) runs the backtest, trains the bundle of
each fold, serves it on 127.0.0.1, and asks about each ``every``-th bar of the fold's test window with the whole history
up to it, the account's value and the position. It prints the largest difference of predictions and confidences, and the
number of decisions whose side or size is another than that of the backtest's order. Each fold's bundle is swapped in.
"""

import asyncio
import json
import os
import sys
import tempfile
import threading
import time
import urllib.request
from itertools import pairwise
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", GOMP_SPINCOUNT="0", OMP_WAIT_POLICY="PASSIVE")

import numpy as np
import pandas as pd

from core.types import Market, RunResult
from engine import run
from engine.bundle.lifecycle.served import load_served
from engine.bundle.train import train
from engine.config.run_config import RunConfig
from engine.sweep.load_config import load
from serving.http.app import Application
from serving.http.server import Server, opened_socket
from serving.http.settings import Limits
from serving.http.tokens import Tokens
from serving.prediction_log.log import PredictionLog
from serving.service import Service
from signals.generate import plan

TOKEN = "replay-of-a-backtest"  # noqa: S105 - of this script's own service
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}


class Asked:
    """A running service: questions to it over its socket."""

    def __init__(self, folder: Path, first: Path) -> None:
        self._log = PredictionLog.open(f"sqlite:///{folder / 'log.sqlite'}")
        self._application = Application(
            Service(load_served, first, self._log), Limits(body=2**24), Tokens(TOKEN, TOKEN)
        )
        self._listener = opened_socket("127.0.0.1", 0, has_tokens=True)
        ready = threading.Event()
        self._server = Server(self._application, ready.set)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve(sockets=[self._listener])), daemon=True
        )
        self._thread.start()
        ready.wait()
        self._address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def post(self, path: str, body: object) -> dict[str, object]:
        """The answer to a body."""
        request = urllib.request.Request(self._address + path, json.dumps(body).encode(), HEADERS)  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - the address is ours
            return dict(json.load(answer))

    def close(self) -> None:
        """Stop the service."""
        self._server.should_exit = True
        self._thread.join()
        self._application.close()
        self._log.close()


def rows_of(market: Market, symbol: str) -> list[dict[str, object]]:
    """The bars of a symbol as a request has them."""
    frame = market.bars[symbol].frame
    return [{"time": time.isoformat(), **row} for time, row in zip(frame.index, frame.to_dict("records"), strict=True)]


def position(result: RunResult, symbol: str, time: pd.Timestamp) -> dict[str, int]:
    """The side of a symbol at a close and the closes in a row on it."""
    sides = np.sign(result.positions[symbol].loc[:time].to_numpy()).astype(int)
    side = int(sides[-1]) if len(sides) else 0
    changed = np.flatnonzero(sides != side)
    return {"side": side, "held": int(len(sides) - 1 - changed[-1] if len(changed) else len(sides)) if side else 0}


class Comparison:
    """The differences of a service's answers and a backtest."""

    def __init__(self, config: RunConfig, market: Market) -> None:
        self._market = market
        self._result = run(config, cache=False)
        signals = self._result.signals
        assert signals is not None
        self._signals = signals.set_index(["time", "symbol"])
        self._equity = self._result.equity.set_index("time")["equity"]
        orders = self._result.orders[self._result.orders["kind"] == "market"]
        self._orders = orders.groupby(["created_at", "symbol"], observed=True).last()
        self._cash = config.broker.cash
        self.first = self._result.equity["time"].iloc[0]
        self.decisions = 0
        self.orders = 0
        self.other_orders = 0
        self.largest = 0.0

    def compare(self, service: Asked, time: pd.Timestamp) -> None:
        """Ask about a bar, and compare."""
        known = self._market.until(time)
        holding = {symbol: position(self._result, symbol, time) for symbol in known.trade}
        parts = {symbol: {"bars": rows_of(known, symbol), "holding": holding[symbol]} for symbol in known.trade}
        body = {"symbols": parts, "account": float(self._equity.get(time, self._cash))}
        answers = service.post("/predict", body)["symbols"]
        for symbol, answer in dict(answers).items():  # type: ignore[call-overload]
            if (time, symbol) not in self._signals.index:
                continue
            signal = self._signals.loc[(time, symbol)]
            for name in ("prediction", "confidence"):
                value = np.nan if answer[name] is None else answer[name]
                if not (np.isnan(value) and pd.isna(signal[name])):
                    self.largest = max(self.largest, abs(value - signal[name]))
            self.decisions += 1
            self._compare_order(time, symbol, answer, holding[symbol]["side"])

    def _compare_order(self, time: pd.Timestamp, symbol: str, answer: dict[str, float], side: int) -> None:
        opens = answer["side"] not in (0, side)
        leaves = answer["side"] == 0 != side
        is_ordered = (time, symbol) in self._orders.index
        self.orders += is_ordered
        wrong = is_ordered != (opens or leaves)
        if opens and is_ordered:
            order = self._orders.loc[(time, symbol)]
            size = order["asked"]
            wrong = (answer["side"] > 0) != (order["side"] == "buy") or abs(answer["size"] - size) > 1e-9 * abs(size)
        self.other_orders += wrong


def main(path: str, every: int, folder: Path) -> None:
    """Print the differences."""
    config = load(Path(path), ["measures.intervals.reps=0"])
    market = config.data.load()
    comparison = Comparison(config, market)
    cuts = [fold.cut for fold in plan(market, config.signals)]
    last = market.times[-1] + pd.Timedelta(days=1)
    # A rule is not fitted: one bundle serves all bars from the first decision on.
    spans = list(pairwise([*cuts, last])) or [(comparison.first, last)]
    service = None
    begun = time.perf_counter()
    for number, (start, end) in enumerate(spans):
        bundle = folder / f"fold-{number}"
        train(config, bundle, cut=start.isoformat() if cuts else "")
        if service is None:
            service = Asked(folder, bundle)
        else:
            service.post("/model", {"bundle": str(bundle)})
        for moment in market.times[(market.times >= start) & (market.times < end)][::every]:
            comparison.compare(service, moment)
        print(
            f"fold {number}: {comparison.decisions:,} decisions, {comparison.orders:,} with an order, "
            f"{comparison.other_orders} orders differ, predictions by up to {comparison.largest:.3g}, "
            f"{time.perf_counter() - begun:.0f} s",
            flush=True,
        )
    if service is not None:
        service.close()


if __name__ == "__main__":
    words = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        main(words[0] if words else "configs/quickstart.yaml", int(words[1]) if len(words) > 1 else 1, Path(name))
