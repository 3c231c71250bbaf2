"""The risk rule carried out by the words of docs/risk-rule.md: plain Python, one account, no backtrader.

Sizes are signed units, a bar is (open, high, low, close), rooms are (name of a limit, units that it leaves).
Where the words leave a choice, a comment says which was made.
"""

from dataclasses import dataclass, replace
from math import copysign, inf, isnan, nan
from typing import Any

from risk_ledger import Ledger, Series, stop_price, target_price

# The folders of the tests are no packages: what stands beside a test is run by its path.

DUST = 1e-9
"""An opening part below this share of the account is rejected."""


@dataclass
class Plan:
    """The plan of an entry: its stop and target, the distance of the stop from the close, and its confidence."""

    stop: float
    target: float
    distance: float
    confidence: float
    active: bool = False


@dataclass
class Order:
    """A market order: units that the signal asks for (``requested``), units that were sent, and the outcome."""

    time: Any
    symbol: str
    requested: float = 0.0
    sent: float = 0.0
    plan: Plan | None = None
    resizes: bool = False
    exit_reason: str = ""
    status: str = "rejected"
    reason: str = ""
    trimmed: float = 0.0
    filled: float = 0.0


class Account(Ledger):
    """A whole backtest: ``fills``, ``orders``, ``trades``, ``costs``, and ``path`` of (equity, cash) at each close."""

    def __init__(self, market, signals, strategy, risk, broker):
        super().__init__(market.trade, broker)
        self.signals = signals
        self.strategy = strategy
        self.risk = risk
        self.limits = risk.limits
        self.series = {symbol: Series(market.bars[symbol]) for symbol in market.trade}
        self.orders = []
        self.plans = {}
        self.path = []
        self.ends = ends_of(self.series, signals)
        self.peak = self.base = broker.cash
        self.halt, self.resumes = "", -1
        for row in range(signals.times.get_loc(signals.start), len(signals.times)):
            time = signals.times[row]
            self.session(row, time, {s: series.bars[time] for s, series in self.series.items() if time in series.bars})
        self.close_the_books()

    def session(self, row, time, new):
        self.pay_interest(time, new)
        self.mark(new, 0)
        for order in [order for order in self.orders if order.status == "pending" and order.symbol in new]:
            self.at_open(order, new[order.symbol], time)
        for order in self.orders:  # brackets stand in the order in which their entries were sent
            if order.symbol in new and order.plan and order.plan.active and order.plan is self.plans.get(order.symbol):
                self.in_bar(order.symbol, new[order.symbol], time)
        self.mark(new, 3)
        self.close_ended(row, time)
        self.trail(new)
        self.path.append((self.value(), self.cash))
        self.decide(row, time, new)

    def close_ended(self, row, time):
        """After five sessions without a bar, and none later, a position ends at its last close; what waits is void."""
        for symbol, last in self.ends.items():
            if row != last or not self.held[symbol] or self.broker.delisting == "hold":
                continue
            change = 0.0 if self.broker.delisting == "close_at_last" else self.broker.delisting.dump()["return"]
            for order in [order for order in self.orders if order.status == "pending" and order.symbol == symbol]:
                order.status = "cancelled"
                order.trimmed = order.requested - order.sent
                order.reason = "delisting"
            size = -self.held[symbol]
            price = self.marks[symbol] * (1 + change)
            self.ticket(time, symbol, requested=size, sent=size, filled=size, status="completed", reason="delisting")
            self.fill(time, symbol, "market", size, price, price, "delisting")
            del self.plans[symbol]

    def close_the_books(self):
        for symbol, trade in self.open_trades.items():
            trade.pnl += self.held[symbol] * self.marks[symbol]
        for order in [order for order in self.orders if order.status == "pending"]:
            order.reason = f"no later bar of {order.symbol}"
            order.trimmed = order.requested - order.sent

    # --- market orders, at the open

    def at_open(self, order, bar, time):
        price = self.slipped(bar[0], order.sent)
        opened = bar[0]
        size = self.fitting(order, opened, price)
        order.status = "completed" if size else "rejected"
        order.filled = size
        order.trimmed = order.requested - (size or order.sent)
        if not size:
            return
        if order.plan and not self.held[order.symbol]:
            self.plans[order.symbol] = order.plan
        self.fill(time, order.symbol, "market", size, price, opened, order.exit_reason)
        if not self.held[order.symbol]:
            del self.plans[order.symbol]

    def fitting(self, order, opened, price):
        """The signed units of an order that may be filled at a price; 0 with a reason if none may."""
        side = copysign(1, order.sent)
        plan = order.plan
        if order.resizes and not self.held[order.symbol]:
            order.reason = "nothing to resize"
            return 0.0
        if plan is None:
            return order.sent
        if side * (opened - plan.stop) <= 0:
            order.reason = "stop_passed"
            return 0.0
        if side * (opened - plan.target) >= 0:
            order.reason = "target_passed"
            return 0.0
        account = self.value()
        return side * self.tightest(
            order, abs(order.sent), self.rooms_at_fill(order, side, price, account), price, "fill"
        )

    def rooms_at_fill(self, order, side, price, account):
        held = abs(self.held[order.symbol])
        rooms = []
        if self.risk.cap_at == "fill":
            rooms.append(("cap", self.risk.cap * account / price - held))
        if self.risk.cap_at == "fill" and self.risk.mode == "stop":
            budget = self.risk.base * order.plan.confidence * account
            rooms.append(("loss at the stop", self.units_for_loss(side, price, order.plan.stop, budget) - held))
        return [*rooms, *self.rooms_in_limits(self.book(), order.symbol, side, price, order.plan.stop, account)]

    def book(self):
        return {s: (units, self.marks[s], self.plans[s].stop) for s, units in self.held.items() if units}

    def rooms_in_limits(self, book, symbol, side, price, stop, account):
        """Units that each limit leaves to open at a price, beside a book of units, price and stop by symbol."""
        limits = self.limits
        values = [units * mark for units, mark, _ in book.values()]
        if limits.positions is not None and symbol not in book and len(book) >= limits.positions:
            yield "number of positions", 0.0
        if limits.gross is not None:
            yield "gross exposure", (limits.gross * account - sum(map(abs, values))) / price
        if limits.net is not None:
            yield "net exposure", (limits.net * account - side * sum(values)) / price
        if side < 0:
            max_units = (1.0 if limits.short is None else limits.short) * account
            yield "short exposure", (max_units + sum(value for value in values if value < 0)) / price
        if limits.open_risk is not None and side * (price - stop) > 0:
            risked = sum(max(units * (mark - at), 0.0) for units, mark, at in book.values())
            yield "open risk", (limits.open_risk * account - risked) / (side * (price - stop))

    def tightest(self, order, units, rooms, price, where):
        """Units after the narrowest of the rooms, in whole lots; 0 if that is too little."""
        name, room = min(rooms, key=lambda item: max(item[1], 0.0), default=("", inf))
        requested = units
        if room < units:
            order.reason = f"{name} at the {where}"
            units = self.whole_lots(max(room, 0.0))
        if units <= 0 or units < self.broker.lot or units * price < DUST * self.value():
            return 0.0
        if units * price < self.limits.min_order:
            order.reason = order.reason if room < requested else f"minimum order at the {where}"
            return 0.0
        return units

    # --- stops and targets, within the bar

    @property
    def trails(self):
        return self.risk.stop is not None and self.risk.stop.kind.startswith("trail")

    def in_bar(self, symbol, bar, time):
        plan = self.plans[symbol]
        held = self.held[symbol]
        stop = stop_price(plan.stop, held, bar)
        target = target_price(plan.target, held, bar)
        if stop is None and target is None:
            return
        quoted = target if stop is None else stop
        price = self.slipped(quoted, -held)
        if stop is None:
            price = plan.target if quoted == plan.target or copysign(1, held) * (price - plan.target) < 0 else price
        kind = "limit" if stop is None else "trail" if self.trails else "stop"
        self.fill(time, symbol, kind, -held, price, quoted, "take_profit" if stop is None else kind)
        del self.plans[symbol]

    def trail(self, new):
        """Move the stops that trail to this close where that is better, but for those of this bar's entries."""
        for symbol, plan in self.plans.items():
            if symbol in new and plan.active and self.trails:
                side = self.side(symbol)
                close = new[symbol][3]
                away = close * self.risk.stop.value if self.risk.stop.kind == "trail_percent" else plan.distance
                plan.stop = side * max(side * plan.stop, side * close - away)
            plan.active = plan.active or symbol in new

    # --- decisions, at the close

    def decide(self, row, time, new):
        acts = self.account_stops(row)
        sides = {symbol: self.target_side(row, symbol) for symbol in new}
        leaving = [symbol for symbol in new if self.held[symbol] and sides[symbol] != self.side(symbol)]
        if acts:
            self.withdraw()
            leaving += [symbol for symbol, units in self.held.items() if units and symbol not in leaving]
        for symbol in leaving:
            self.leave(time, symbol, self.halt if acts else "")
        kept = [s for s in new if self.held[s] and sides[s] == self.side(s) and s not in leaving]
        resized = self.reduce(row, time, kept) if self.risk.resize else {}
        for symbol in new:
            if sides[symbol] and sides[symbol] != self.side(symbol):
                self.enter(row, time, symbol, sides[symbol])
            elif symbol in resized and resized[symbol][0] > 0:
                change, plan = resized[symbol]
                self.send(self.ticket(time, symbol, resizes=True), self.side(symbol), change, plan)

    def reduce(self, row, time, kept):
        """Send the reductions, which make room for what is opened; the changes of size of all."""
        told = [symbol for symbol in kept if not isnan(self.opinion(row, symbol)[1])]
        resized = {symbol: self.change_of_size(row, time, symbol) for symbol in told}
        for symbol, (change, _) in resized.items():
            if change < 0:
                size = self.side(symbol) * change
                self.ticket(time, symbol, resizes=True, requested=size, sent=size, status="pending")
        return resized

    def opinion(self, row, symbol):
        column = self.signals.symbols.index(symbol)
        return float(self.signals.prediction[row, column]), float(self.signals.confidence[row, column])

    def target_side(self, row, symbol):
        return self.strategy.rule(*self.opinion(row, symbol), self.side(symbol), 0, self.strategy)

    def account_stops(self, row):
        """True if a stop of the account acts at this close."""
        equity = self.path[-1][0]
        limits = self.limits
        if row < self.resumes:
            return False
        if row == self.resumes:
            self.peak = self.base = equity
        base, self.base, self.peak = self.base, equity, max(self.peak, equity)
        fell = limits.drawdown is not None and equity <= self.peak * (1 - limits.drawdown)
        lost = limits.daily_loss is not None and equity <= base * (1 - limits.daily_loss)
        if fell or lost:
            self.halt = "drawdown" if fell else "daily_loss"
            self.resumes = row + limits.resume_after
        return fell or lost

    def withdraw(self):
        """Take back what waits for a bar: an entry is refused, an exit is sent anew."""
        for order in [order for order in self.orders if order.status == "pending"]:
            order.status = "cancelled"
            order.trimmed = order.requested - order.sent
            order.reason = order.reason or "cancelled before it was filled"

    def ticket(self, time, symbol, **fields):
        self.orders.append(Order(time, symbol, **fields))
        return self.orders[-1]

    def leave(self, time, symbol, halt):
        """Close a position: its bracket is cancelled first."""
        size = -self.held[symbol]
        self.plans[symbol].active = False
        self.ticket(
            time, symbol, requested=size, sent=size, status="pending", exit_reason=halt or "signal", reason=halt
        )

    def enter(self, row, time, symbol, side):
        order = self.ticket(time, symbol)
        confidence = self.opinion(row, symbol)[1]
        plan = self.planned(time, symbol, side, confidence)
        if row < self.resumes:
            order.reason = f"{self.halt} stop"
        elif self.risk.stop and isnan(plan.stop):
            order.reason = "no stop yet"
        elif self.risk.take_profit and isnan(plan.target):
            order.reason = "no target yet"
        elif units := self.whole_lots(self.rule_units(side, symbol, plan)):
            self.send(order, side, units, plan)
        else:
            order.reason = "size 0"

    def send(self, order, side, units, plan):
        """Send an opening order as far as the limits let it."""
        order.requested = side * units
        rooms = self.rooms_at_signal(order.time, order.symbol, side, plan.stop)
        admitted = self.tightest(order, units, rooms, self.marks[order.symbol], "signal")
        if admitted:
            order.sent = side * admitted
            order.plan = plan
            order.status = "pending"

    def planned(self, time, symbol, side, confidence):
        close = self.marks[symbol]
        specs = (self.risk.stop, self.risk.take_profit)
        stop, target = (self.series[symbol].distance(spec, time, close) for spec in specs)
        return Plan(close - side * stop, close + side * target, stop, confidence)

    def rule_units(self, side, symbol, plan):
        """Units of a new position."""
        close = self.marks[symbol]
        account = self.path[-1][0]
        money = self.risk.base * plan.confidence * account
        max_units = self.risk.cap * account / close
        if self.risk.mode == "notional":
            return min(money / close, max_units)
        return min(self.units_for_loss(side, self.slipped(close, side), plan.stop, money), max_units)

    def rooms_at_signal(self, time, symbol, side, stop):
        """With the orders of this close: those of an earlier one that wait for a bar are not positions."""
        book = {symbol: list(item) for symbol, item in self.book().items()}
        for order in [order for order in self.orders if order.status == "pending" and order.time == time]:
            item = book.setdefault(order.symbol, [0.0, self.marks[order.symbol], nan])
            item[0] += order.sent
            item[2] = order.plan.stop if order.plan else item[2]
        book = {symbol: item for symbol, item in book.items() if item[0]}
        return list(self.rooms_in_limits(book, symbol, side, self.marks[symbol], stop, self.path[-1][0]))

    def change_of_size(self, row, time, symbol):
        """Units to add, or below 0 to take off, and the plan of the position with the confidence of now.

        Back to the rule's size. The loss at its own stop is counted from the close: the units are held already."""
        side = self.side(symbol)
        close = self.marks[symbol]
        plan_now = self.plans[symbol]
        plan = replace(plan_now, confidence=self.opinion(row, symbol)[1])
        units = self.rule_units(side, symbol, self.planned(time, symbol, side, plan.confidence))
        if self.risk.mode == "stop":
            budget = self.risk.base * plan.confidence * self.path[-1][0]
            units = min(
                units,
                self.units_for_loss(side, close, plan_now.stop, budget) if side * (close - plan_now.stop) > 0 else 0,
            )
        units = self.whole_lots(units)
        change = units - abs(self.held[symbol])
        small = abs(change) <= self.risk.resize.band * units or abs(change) * close < self.limits.min_order
        return (0.0 if row < self.resumes or units <= 0 or small else change), plan


def ends_of(series, signals):
    """The row of the fifth session of the account after a symbol's last bar, by symbol; of daily bars."""
    traded = sorted({time for item in series.values() for time in item.bars if time >= signals.start})
    ends = {}
    for symbol, item in series.items():
        later = [time for time in traded if time > max(item.bars)]
        if len(later) >= 5:
            ends[symbol] = signals.times.get_loc(later[4])
    return ends
