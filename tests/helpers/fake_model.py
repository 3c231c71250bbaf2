"""A model for tests of the service that need no training: its prediction is the last return, its size a unit."""

import math
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pandas as pd

from core.errors import DataError
from marketdata.timestamps import Session
from serving.decisions import Decision, Decisions
from serving.prediction_log.records import ModelRecord

NEW_YORK = Session("16:00", "America/New_York")


@dataclass
class FakeModel:
    """``gate``: decisions wait for it; ``begun`` is released when one begins."""

    name: str = "fake"
    symbols: tuple = ("A",)
    has_state: bool = False
    factor: float = 1.0
    session: Session = NEW_YORK
    gate: threading.Event = field(default_factory=threading.Event)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __post_init__(self):
        self.gate.set()

    @property
    def record(self):
        identity = f"{self.name}-{self.factor}".ljust(64, "0")
        return ModelRecord(identity, self.name, "c" * 12, 0, "rule", self.symbols, ("last_return",))

    @property
    def about(self):
        return {"id": self.record.id, "name": self.name, "trained_until": "1970-01-01T00:00:00+00:00"}

    def decide(self, market, *, account, holding, now):
        self.begun.release()
        assert self.gate.wait(300)
        return Decisions(
            market.times[-1], account or 1000.0, tuple(self._row(market, s, holding) for s in self.symbols)
        )

    def _row(self, market, symbol, holding):
        bars = market.bars[symbol]
        if len(bars) < 2:
            raise DataError(f"{symbol}: has {len(bars)} bars, but the model needs at least 2; give a longer history")
        value = float(bars.close[-1] / bars.close[-2] - 1) * self.factor
        count = holding[symbol].state.get("count", 0.0) + 1
        plain = dict.fromkeys(("low", "high", "entry", "stop", "target"), math.nan)
        return Decision(
            symbol=symbol,
            time=bars.times[-1],
            prediction=value,
            confidence=0.5,
            side=int(np.sign(value)),
            weight=1.0,
            reason="signal",
            state={"count": count} if self.has_state else {},
            value=self.factor,
            units=self.factor,
            close=float(bars.close[-1]),
            features={"last_return": value},
            **plain,
        )


def rows(closes, first="2024-01-02"):
    """Daily bars with these closes."""
    days = pd.bdate_range(first, periods=len(closes))
    return [
        {"time": f"{day:%Y-%m-%d}", "open": c, "high": c, "low": c, "close": c, "volume": 1}
        for day, c in zip(days, closes, strict=True)
    ]


def body(closes=(100.0, 101.0), symbol="A", **more):
    return {"symbol": symbol, "bars": rows(list(closes)), **more}


def loader(models):
    """A loader of fake models by the names of folders."""
    return SimpleNamespace(load=lambda folder: models[str(folder)]).load
