"""The account as a strategy sees it at a close: its stops, and how much new risk its limits still allow."""

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
    before : what it is measured from: the account at the session before, or its peak.
    """

    word: str
    started: float
    value: float
    before: float

    @property
    def text(self) -> str:
        """What happened, in one line."""
        whence = "its peak" if self.word == "drawdown" else "the session before"
        fall = 100.0 * (1.0 - self.value / self.before)
        return f"{self.word}: the account is at {self.value:.2f}, {fall:.4g} % below {whence}"


class AccountStops:
    """Watches the account from close to close.

    Parameters
    ----------
    limits : whose ``daily_loss``, ``drawdown`` and ``resume_after`` are watched.
    cash : the account at the start.

    Attributes
    ----------
    halts : every stop that acted, in order.
    halted : whether new positions are refused now.
    """

    def __init__(self, limits: LimitsSpec, cash: float) -> None:
        self.halts: list[Halt] = []
        self.halted = False
        self._limits, self._watch = limits, HaltState(cash, cash, cash, 0)
        self._session: Hashable = None

    def look(self, number: float, value: float, session: Hashable) -> Halt | None:
        """Take in a close; the stop that acts at it, if one does.

        Parameters
        ----------
        number : backtrader's number for the close.
        value : of the account.
        session : equal for the closes of one session.
        """
        if not self._limits.stops_account:
            return None
        new_session, self._session = session != self._session, session
        self._watch, code = watch(self._watch, value, new_session, self._limits.halts)
        self.halted = code == HALTED or code in HALTS
        if code == RESUMED or code not in HALTS:
            return None
        word = HALTS[code]
        self.halts.append(Halt(word, number, value, self._watch.peak if word == "drawdown" else self._watch.base))
        return self.halts[-1]

    @property
    def refusal(self) -> str:
        """Why an entry is refused while trading is halted."""
        return f"{self.halts[-1].word} stop: no new position for {self._watch.left} more bars"


class Plan:
    """What will be held after the orders of one close, to hold each further one to the account's limits.

    Parameters
    ----------
    value : of the account at the close.
    holdings : by feed, (units, close, stop) of each position that is not about to be closed; NaN for no stop.
    limits, lot : what new risk is held to, and the units of one lot.
    """

    def __init__(
        self, value: float, holdings: dict[Any, tuple[float, float, float]], limits: LimitsSpec, lot: float
    ) -> None:
        self._value, self._holdings, self._limits, self._lot = value, holdings, limits, lot

    def admit(self, data: Any, side: int, units: float, price: float, stop: float) -> tuple[float, str]:
        """How many of the units may be ordered, and why not all; what is admitted counts from then on.

        Parameters
        ----------
        data : the feed.
        side : 1 to open or add long, -1 short.
        units : wanted, not signed.
        price : the close.
        stop : price of the stop; NaN for none.
        """
        held = self._holdings.get(data, (0.0, price, math.nan))[0]
        book = exposure_of(self._value, self._holdings.values())
        fits, code = headroom(side, price, stop, held == 0.0, book, self._limits.terms)
        least = max(self._limits.min_order, DUST * self._value)
        admitted, code = settle(units, fits, code, price, self._lot, least)
        self._holdings[data] = (held + side * admitted, price, stop)
        return admitted, message(code, "signal", fits, units, price)
