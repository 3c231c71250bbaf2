"""A bundle as the service sees it."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.digests import digest
from core.types import Bars, Market
from engine.bundle.bundle import Bundle
from engine.bundle.read import load_bundle
from marketdata.data_spec import DataSpec
from marketdata.timestamps import Session
from serving.decisions import Decisions
from serving.prediction_log.records import ModelRecord
from signals.kernels import compile_used
from strategies._contract import form_of
from strategies._held import Held

WARM_UP_BARS = 1000


class ServedBundle:
    """A loaded bundle with what the service asks about: see :class:`serving.model.Model`."""

    def __init__(self, bundle: Bundle) -> None:
        contents = bundle.contents
        self._bundle = bundle
        self._session = DataSpec.parse(contents.config["data"]).session
        self._record = ModelRecord(
            id=contents.digest,
            name=contents.name,
            config_id=contents.config_id,
            trained_until=bundle.cut.as_unit("ns").value,
            rule=digest(contents.config["strategy"]),
            symbols=contents.symbols,
            features=contents.features,
        )

    @property
    def record(self) -> ModelRecord:
        """Its description for the prediction log."""
        return self._record

    @property
    def session(self) -> Session:
        """That of the config's data."""
        return self._session

    @property
    def has_state(self) -> bool:
        """True if the rule has numbers of its own."""
        return form_of(type(self._bundle.rules.strategy)).has_state

    @property
    def about(self) -> Mapping[str, Any]:
        """Plain values of the description."""
        contents = self._bundle.contents
        return {
            "id": contents.digest,
            "name": contents.name,
            "config_id": contents.config_id,
            "trained_until": contents.cut,
            "valid_for": contents.valid_for,
            "symbols": list(contents.symbols),
            "features": list(contents.features),
            "model": contents.config["model"]["kind"],
            "strategy": contents.config["strategy"]["kind"],
            "folder": str(self._bundle.folder),
        }

    def decide(
        self, market: Market, *, account: float | None, holding: Mapping[str, Held], now: pd.Timestamp
    ) -> Decisions:
        """See :meth:`engine.bundle.bundle.Bundle.decide`."""
        return self._bundle.decide(market, account=account, holding=holding, now=now)


def load_served(folder: Path, *, key: bytes | None = None, force: bool = False) -> ServedBundle:
    """Load a bundle and verify it; parameters and errors as of :func:`engine.bundle.read.load_bundle`."""
    bundle = load_bundle(folder, key=key, force=force)
    _warm_up(bundle)
    return ServedBundle(bundle)


def _warm_up(bundle: Bundle) -> None:
    """Decide on invented bars, and compile what is used: the first answers then take no longer than the others."""
    symbols = bundle.contents.symbols
    times = pd.date_range("2000-01-03 21:00", periods=WARM_UP_BARS, freq="B", tz="UTC").as_unit("ns")
    close = 100 + np.sin(np.arange(float(WARM_UP_BARS)))
    bars = {symbol: Bars(symbol, times, close, close + 1, close - 1, close, close) for symbol in symbols}
    market = Market(bars, symbols, symbols[0], "UTC")
    _decide(bundle, market)
    compile_used()
    _decide(bundle, market)


def _decide(bundle: Bundle, market: Market) -> None:
    with suppress(Exception), np.errstate(all="ignore"):  # the decision is of no use, so neither is its failure
        bundle.decide(market)
