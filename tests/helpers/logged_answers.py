"""Answers for tests of the prediction log, and the model that gave them."""

from dataclasses import replace

import numpy as np

from serving.prediction_log.records import Answer, ModelRecord
from serving.prediction_log.tables import ANSWER

DAY = 86_400 * 10**9
MODEL = ModelRecord("a" * 64, "kept", "c" * 12, 5 * DAY, "r" * 64, ("A", "B"), ("rsi_14", "return_1"))
NUMBERS = dict.fromkeys(ANSWER) | {"prediction": 0.1 + 0.2, "interval_low": -1e-300, "interval_high": 1 / 3}
NUMBERS |= {"confidence": 0.5, "side": 1, "weight": 1.0, "position_value": 98.76, "size": 5e-324, "stop": 1.5}
BAR = {"open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 100.0}


def answer(symbol="A", day=10, **changes):
    numbers = {**NUMBERS, **{name: changes.pop(name) for name in ANSWER if name in changes}}
    plain = Answer(
        symbol=symbol,
        as_of=int(day * DAY),
        numbers=numbers,
        account=10_000.0,
        reason="signal",
        prices=BAR,
        features=np.array([np.nan, -0.0]),
        bars=300,
        inputs="i" * 32,
        warnings=("old",),
        request="req",
        received_at=int(day * DAY) + 5,
    )
    return replace(plain, **changes)
