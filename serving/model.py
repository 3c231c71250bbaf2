"""The parts of a model that the service needs: the engine's bundles have them, and so may a model of a test."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from core.types import Market
from marketdata.timestamps import Session
from strategies._held import Held

from .decisions import Decisions
from .prediction_log.records import ModelRecord


class Model(Protocol):
    """A model that was loaded and verified.

    Attributes
    ----------
    record : what the prediction log knows of it.
    session : when the session of a date closes, and in which zone.
    has_state : True if its rule has numbers of its own.
    about : plain values for ``GET /model``.
    """

    @property
    def record(self) -> ModelRecord: ...  # noqa: D102
    @property
    def session(self) -> Session: ...  # noqa: D102
    @property
    def has_state(self) -> bool: ...  # noqa: D102
    @property
    def about(self) -> Mapping[str, Any]: ...  # noqa: D102

    def decide(
        self, market: Market, *, account: float | None, holding: Mapping[str, Held], now: pd.Timestamp
    ) -> Decisions:
        """The decisions at the last bar of a market, as a backtest makes them.

        Parameters
        ----------
        account : account value, account currency; None: that of the config.
        holding : by symbol, what is held.
        now : the present, aware.

        Raises
        ------
        DataError
            A symbol is missing, or has too few bars.
        """
        ...


Loader = Callable[[Path], Model]
"""Loads the bundle in a folder and verifies it; raises StoreError with one line."""
