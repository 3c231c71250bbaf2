"""A loaded bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from core.types import Market

from .contents import Contents
from .trained import Part, Rules

if TYPE_CHECKING:
    from .decide import Decisions, Held


@dataclass(frozen=True, eq=False, repr=False)
class Bundle:
    """A bundle whose content was verified.

    Attributes
    ----------
    folder : where it was read from.
    contents : its description.
    rules : signals, strategy, risk rule and broker.
    parts : by symbol, the fit that serves it; ``""`` for one that serves all; none for a rule.
    """

    folder: Path
    contents: Contents
    rules: Rules
    parts: Mapping[str, Part]

    @property
    def cut(self) -> pd.Timestamp:
        """The close of the last bar that was known at the fit."""
        return pd.Timestamp(self.contents.cut)

    def decide(
        self, market: Market, *, account: float | None = None, holding: "Mapping[str, Held] | None" = None
    ) -> "Decisions":
        """What a backtest would decide at the last bar of a market.

        Parameters
        ----------
        market : the bars that are known, with enough of them before the last one.
        account : account value for the sizes, in account currency; None: the config's ``broker.cash``.
        holding : by symbol, what is held; symbols that are not named are flat.

        Raises
        ------
        DataError
            A symbol of the bundle is missing, or has too few bars.
        """
        from .decide import decide

        return decide(self, market, account=account, holding=holding or {})

    def __repr__(self) -> str:
        return f"<Bundle {self.folder}: {self.contents.name}, fitted on what was known at {self.contents.cut}>"
