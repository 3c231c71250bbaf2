"""A broker that counts interest by the days of the sessions' zone."""

import datetime
from typing import Any

from risk.costs import DAYS_OF_INTEREST, idle_cash

from .fresh_bar_broker import FreshBroker


class InterestBroker(FreshBroker):
    """Charges interest on positions and credits it on idle cash, both before the orders of a bar.

    Parameters
    ----------
    cash_interest : yearly, a fraction.
    session : a callable of backtrader's number of a bar's time that gives the ordinal of its day, by which interest is
        counted; None takes the date in the feed's time zone (its ``tz``; UTC without one).

    Attributes
    ----------
    earned, charged : (feed, backtrader's number of its time, account currency) each time that interest on cash was
        credited, or that on a position taken from the cash.
    """

    params: tuple[tuple[str, Any], ...] = (("cash_interest", 0.0), ("session", None))

    def init(self) -> None:
        """Begin an empty account."""
        super().init()
        self.earned: list[tuple[Any, float, float]] = []
        self.charged: list[tuple[Any, float, float]] = []
        self._charged_until: dict[Any, int] = {}
        self._interest_day: int | None = None

    def before_orders(self) -> None:
        """Credit the interest on the cash that lay idle since the last day."""
        if not self.p.checksubmit:
            self._charge_once()
        if not self._fresh or not self.p.cash_interest:
            return
        # In the order of the feeds: a set is unordered, and feeds of one session may close at different times.
        latest = max((data for data in self._seen if data in self._fresh), key=lambda data: data.datetime[0])
        today = self._day(latest)
        days = today - (self._interest_day or today)
        if days > 0:
            shorts = sum(-p.size * p.price for p in self.positions.values() if p.size < 0)
            amount = days * (self.p.cash_interest / DAYS_OF_INTEREST) * idle_cash(self.cash, shorts)
            self.cash += amount
            self.earned.append((latest, latest.datetime[0], amount))
        self._interest_day = today

    def check_submitted(self) -> None:
        """Accept what was sent, as backtrader does, then charge what positions owe: backtrader's sequence."""
        super().check_submitted()
        self._charge_once()

    def note_interest(self, data: Any) -> None:
        """Begin to count the days of a feed's position, which was filled at this bar."""
        self._charged_until[data] = self._day(data)

    def _day(self, data: Any) -> int:
        """The ordinal of the day of a feed's bar."""
        session = self.p.session
        return int(session(data.datetime[0]) if session else data.datetime.date(0).toordinal())

    def _charge_once(self) -> None:
        """Charge what positions owe, and see to it that backtrader, which counts other days, charges nothing."""
        self._charge_interest()
        for data, position in self.positions.items():
            if position.size:
                position.datetime = data.datetime.datetime()

    def _charge_interest(self) -> None:
        """Charge the interest that positions with a new bar owe for the days since the last charge."""
        credit = 0.0
        for data, position in self.positions.items():
            if self._owes(data, position.size):
                credit += self._interest_on(data, position)
        self.cash -= credit

    def _owes(self, data: Any, size: float) -> bool:
        return bool(size < 0 or (size > 0 and self.getcommissioninfo(data).p.interest_long))

    def _interest_on(self, data: Any, position: Any) -> float:
        today = self._day(data)
        before = self._charged_until[data]
        if today <= before:
            return 0.0
        info = self.getcommissioninfo(data)
        dates = (datetime.date.fromordinal(day) for day in (today, before))
        owed: float = info._get_credit_interest(data, position.size, position.price, today - before, *dates)
        self._charged_until[data] = today
        if owed:
            self.d_credit[data] += owed
            self.charged.append((data, data.datetime[0], owed))
        return owed

    def _interest_due(self, order: Any) -> float:
        return float(self.d_credit.get(order.data, 0.0)) if self.p.int2pnl else 0.0
