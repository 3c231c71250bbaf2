"""A loaded bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.types import Market
from serving.decisions import Decisions
from serving.monitor.observations import Observations
from strategies._held import Held

from .decide import decide
from .trained import BundleContent


@dataclass(frozen=True, eq=False, repr=False)
class Bundle(BundleContent):
    """A bundle whose content was verified.

    Attributes
    ----------
    folder : where it was read from.
    reference : the walk-forward that judged the config; None if the bundle was trained without ``--run``.
    """

    folder: Path
    reference: Observations | None = None

    def decide(
        self,
        market: Market,
        *,
        account: float | None = None,
        holding: Mapping[str, Held] | None = None,
        now: pd.Timestamp | None = None,
    ) -> Decisions:
        """The decisions that a backtest would make at the last bar of a market.

        Parameters
        ----------
        market : the bars that are known, with enough of them before the last one.
        account : account value for the sizes, in account currency; None: the config's ``broker.cash``.
        holding : by symbol, what is held; symbols that are not named are flat.

        now : the present, aware: warns of stale data; None: of a bar in the past.

        Raises
        ------
        DataError
            A symbol of the bundle is missing, or has too few bars.
        """
        return decide(self, market, account=account, holding=holding or {}, now=now)

    def __repr__(self) -> str:
        return f"<Bundle {self.folder}: {self.contents.name}, fitted on what was known at {self.contents.cut}>"
