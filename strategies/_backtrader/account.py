"""The account's stops at a close, and the new risk that its limits still allow."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from risk.account_limits import LimitsSpec, exposure_of, headroom, message, settle
from risk.account_stops import HALTED, HALTS, RESUMED, HaltState, watch
from risk.sizing import DUST


@dataclass(frozen=True, slots=True)
class Halt:
    """A stop of the account that acted.

    Attributes
    ----------
    word : ``daily_loss`` or ``drawdown``.
    started : backtrader's number for the close at which it acted.
    value : the account's value at that close.
    before : the reference of the loss: the account at the session before, or its peak.
    """

    word: str
    started: float
    value: float
    before: float

    @property
    def text(self) -> str:
        """The stop in one line."""
        reference = "its peak" if self.word == "drawdown" else "the session before"
        fall = 100.0 * (1.0 - self.value / self.before)
        return f"{self.word}: the account is at {self.value:.2f}, {fall:.4g} % below {reference}"


class AccountStops:
    """Checks the account's stops from close to close.

    Parameters
    ----------
    limits : with ``daily_loss``, ``drawdown`` and ``resume_after``.
    cash : the account at the start.

    Attributes
    ----------
    halts : every stop that acted, in order.
    halted : new positions are refused now.
    """

    def __init__(self, limits: LimitsSpec, cash: float) -> None:
        self.halts: list[Halt] = []
        self.halted = False
        self._limits = limits
        self._state = HaltState(cash, cash, cash, 0)
        self._session: Hashable = None

    def take_flow(self, factor: float) -> None:
        """Multiply the values that losses are measured from, after money was paid in or out: that is no gain or loss.

        Parameters
        ----------
        factor : the account with the flow / the account before it, at the same prices.
        """
        state = self._state
        self._state = HaltState(factor * state.peak, factor * state.base, factor * state.last, state.left)

    def check_stops(self, number: float, value: float, session: Hashable) -> Halt | None:
        """Check a close; the stop that acts at it, if one does.

        Parameters
        ----------
        number : backtrader's number for the close.
        value : of the account.
        session : equal for the closes of one session.
        """
        if not self._limits.stops_account:
            return None
        new_session = session != self._session
        self._session = session
        self._state, code = watch(self._state, value, new_session, self._limits.halts)
        self.halted = code == HALTED or code in HALTS
        if code == RESUMED or code not in HALTS:
            return None
        word = HALTS[code]
        self.halts.append(Halt(word, number, value, self._state.peak if word == "drawdown" else self._state.base))
        return self.halts[-1]

    @property
    def refusal(self) -> str:
        """The reason why an entry is refused while trading is halted."""
        return f"{self.halts[-1].word} stop: no new position for {self._state.left} more bars"


class PlannedHoldings:
    """Positions after the orders of one close, which the account's limits for each further order depend on.

    Parameters
    ----------
    value : of the account at the close.
    holdings : by feed, (units, close, stop) of each position that is not about to be closed; NaN for no stop.
    limits, lot : the limits on new risk, and the units of one lot.
    """

    def __init__(
        self, value: float, holdings: dict[Any, tuple[float, float, float]], limits: LimitsSpec, lot: float
    ) -> None:
        self._value = value
        self._holdings = holdings
        self._limits = limits
        self._lot = lot

    def reduce(self, data: Any, units: float) -> None:
        """Take units, signed like the position, off a position that is reduced at this close."""
        held, price, stop = self._holdings[data]
        self._holdings[data] = (held - units, price, stop)

    def admit(self, data: Any, side: int, units: float, price: float, stop: float) -> tuple[float, str]:
        """The units that may be ordered, and the reason why not all; admitted units count from then on.

        Parameters
        ----------
        data : the feed.
        side : 1 to open or add long, -1 short.
        units : of the order, not signed.
        price : the close, or that of the entry's own order.
        stop : price of the stop; NaN for none.
        """
        held = self._holdings.get(data, (0.0, price, math.nan))[0]
        exposure = exposure_of(self._value, self._holdings.values())
        max_units, code = headroom(side, price, stop, held == 0.0, exposure, self._limits.terms)
        min_value = max(self._limits.min_order, DUST * self._value)
        admitted, code = settle(units, max_units, code, price, self._lot, min_value)
        self._holdings[data] = (held + side * admitted, price, stop)
        return admitted, message(code, "signal", max_units, units, price)
