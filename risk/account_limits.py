"""Limits of the whole account: how much new risk it may take, and when it stops trading.

Limits hold back *new* risk, at the signal and again at the fill; they never force an exit. The account's two stops, on
the daily loss and on the drawdown, do: see :mod:`risk.account_stops`.

The functions take floats and tuples of them and use nothing but ``+ - * /`` and comparisons, so that a compiler gives
the same bits as Python.
"""

import math
from collections.abc import Iterable
from typing import Annotated, NamedTuple, Self

from pydantic import Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from core.spec import Multiple, Part, Share, Spec

from .sizing import lot_floor

FREE, CAP, LOSS, GROSS, NET, SHORT, POSITIONS, OPEN_RISK, MIN_ORDER, VOLUME, ACCOUNT, STOP_PASSED, TARGET_PASSED = (
    range(13)
)
NAMES = (
    "",
    "cap",
    "loss at the stop",
    "gross exposure",
    "net exposure",
    "short exposure",
    "number of positions",
    "open risk",
    "minimum order",
    "share of volume",
    "account",
    "stop_passed",
    "target_passed",
)
"""What holds an order back, by the codes above."""


class LimitValues(NamedTuple):
    """The limits as numbers, infinity where there is none; see :class:`LimitsSpec`."""

    gross: float
    net: float
    short: float
    positions: float
    open_risk: float
    min_order: float


class HaltTerms(NamedTuple):
    """The account's stops as numbers, infinity where there is none; see :class:`LimitsSpec`."""

    daily_loss: float
    drawdown: float
    resume_after: int


class LimitsSpec(Spec):
    """Limits of the whole account, each off unless it is set."""

    gross: Multiple | None = None
    """Largest gross exposure: longs plus shorts, as a multiple of the account value."""

    net: Multiple | None = None
    """Largest net exposure to either side: longs minus shorts, as a multiple of the account value."""

    short: Multiple | None = None
    """Largest short exposure as a multiple of the account value; if not given, it is 1."""

    positions: PositiveInt | None = None
    """Largest number of positions held at a time."""

    open_risk: Share | None = None
    """Largest total open risk: what is lost if every stop is hit, before costs, as a share of the account value."""

    daily_loss: Part | None = None
    """A session's loss, as a part of the account at the session before, at which everything is sold."""

    drawdown: Part | None = None
    """A fall from the account's peak, as a part of it, at which everything is sold."""

    resume_after: PositiveInt = 20
    """Bars after a daily-loss or drawdown stop at which trading resumes and the peak begins anew."""

    min_order: Annotated[float, Field(ge=0)] = 0.0
    """Least value of an order that opens or resizes a position, in account currency; exits are always sent."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for name in ("net", "short"):
            limit = getattr(self, name)
            if limit is not None and self.gross is not None and limit > self.gross:
                raise _contradiction(f"{name} ({limit:g}) lies above gross ({self.gross:g})", f"lower {name}", name)
        if self.daily_loss is not None and self.drawdown is not None and self.daily_loss > self.drawdown:
            text = f"daily_loss ({self.daily_loss:g}) lies above drawdown ({self.drawdown:g})"
            raise _contradiction(text, "lower daily_loss", "daily_loss")
        return self

    @property
    def terms(self) -> LimitValues:
        """The limits on new risk as numbers."""
        return LimitValues(
            _or_inf(self.gross),
            _or_inf(self.net),
            1.0 if self.short is None else self.short,
            _or_inf(self.positions),
            _or_inf(self.open_risk),
            self.min_order,
        )

    @property
    def halts(self) -> HaltTerms:
        """The stops of the account as numbers."""
        return HaltTerms(_or_inf(self.daily_loss), _or_inf(self.drawdown), self.resume_after)

    @property
    def stops_account(self) -> bool:
        """True if a loss can stop the trading."""
        return self.daily_loss is not None or self.drawdown is not None


def _contradiction(problem: str, remedy: str, key: str) -> PydanticCustomError:
    rule = "{what} and could never act; {remedy} or remove it"
    return PydanticCustomError("contradiction", rule, {"what": problem, "remedy": remedy, "path": [key]})


def _or_inf(value: float | None) -> float:
    return math.inf if value is None else float(value)


class AccountExposure(NamedTuple):
    """Sums over the positions of an account, in account currency.

    Attributes
    ----------
    value : of the account.
    gross, net, short : sums of abs(position value), of position value, of abs(position value) over the shorts.
    positions : how many are not flat.
    open_risk : what is lost if every stop is hit at its price; a position without a stop counts whole.
    """

    value: float
    gross: float
    net: float
    short: float
    positions: float
    open_risk: float


def exposure_of(value: float, holdings: Iterable[tuple[float, float, float]]) -> AccountExposure:
    """The exposure of an account.

    Parameters
    ----------
    value : of the account.
    holdings : (units, price, stop) of each position; units signed, NaN for no stop.

    >>> exposure_of(1000.0, [(2.0, 100.0, 95.0), (-1.0, 50.0, math.nan), (0.0, 9.0, math.nan)])
    AccountExposure(value=1000.0, gross=250.0, net=150.0, short=50.0, positions=2.0, open_risk=60.0)
    """
    exposure = AccountExposure(value, 0.0, 0.0, 0.0, 0.0, 0.0)
    for units, price, stop in holdings:
        exposure = with_holding(exposure, units, price, stop)
    return exposure


def with_holding(exposure: AccountExposure, units: float, price: float, stop: float) -> AccountExposure:
    """The exposure with one more position; the arguments are as in :func:`exposure_of`.

    >>> with_holding(AccountExposure(1000.0, 0.0, 0.0, 0.0, 0.0, 0.0), -1.0, 50.0, math.nan)
    AccountExposure(value=1000.0, gross=50.0, net=-50.0, short=50.0, positions=1.0, open_risk=50.0)
    """
    if units == 0.0:
        return exposure
    market_value = units * price
    return AccountExposure(
        exposure.value,
        exposure.gross + abs(market_value),
        exposure.net + market_value,
        exposure.short + max(-market_value, 0.0),
        exposure.positions + 1.0,
        exposure.open_risk + abs(units) * risk_per_unit(1 if units > 0.0 else -1, price, stop),
    )


def risk_per_unit(side: int, price: float, stop: float) -> float:
    """The loss of one unit between the price and its stop; 0 beyond the stop, all of the price without one.

    >>> risk_per_unit(1, 100.0, 95.0), risk_per_unit(-1, 100.0, 95.0), risk_per_unit(1, 100.0, math.nan)
    (5.0, 0.0, 100.0)
    """
    if math.isnan(stop):
        return price
    return max(side * (price - stop), 0.0)


def headroom(
    side: int, price: float, stop: float, is_new: bool, exposure: AccountExposure, p: LimitValues
) -> tuple[float, int]:
    """The largest number of units that an order may still open on one side, and the limit that sets it.

    Parameters
    ----------
    side : 1 to buy, -1 to sell short.
    price : of one unit, account currency, above 0.
    stop : price of the stop that will protect the units; NaN for none.
    is_new : whether the symbol is flat, so that the order adds a position.
    exposure : what is held before the order.
    p : the limits.

    Returns
    -------
    Units, at least 0, infinity where nothing limits them; and the code of the tightest limit, ``FREE`` for none.

    >>> held = exposure_of(1000.0, [(4.0, 100.0, math.nan)])
    >>> headroom(1, 100.0, math.nan, True, held, LimitsSpec(gross=0.5).terms)
    (1.0, 3)
    """
    if not exposure.value > 0.0:
        return 0.0, ACCOUNT
    if is_new and exposure.positions >= p.positions:
        return 0.0, POSITIONS
    tightest = (math.inf, FREE)
    # A limit that is not given is skipped: a compiler that knows it leaves the whole line out.
    if p.gross < math.inf:
        tightest = _tighter(tightest, GROSS, p.gross * exposure.value - exposure.gross, price)
    if p.net < math.inf:
        tightest = _tighter(tightest, NET, p.net * exposure.value - side * exposure.net, price)
    if side < 0 and p.short < math.inf:
        tightest = _tighter(tightest, SHORT, p.short * exposure.value - exposure.short, price)
    if p.open_risk < math.inf:
        money_per_unit = risk_per_unit(side, price, stop)
        tightest = _tighter(tightest, OPEN_RISK, p.open_risk * exposure.value - exposure.open_risk, money_per_unit)
    return tightest


def _tighter(tightest: tuple[float, int], code: int, room: float, money_per_unit: float) -> tuple[float, int]:
    """The tighter of the limit so far and one that leaves ``room`` money for units of ``money_per_unit`` each."""
    max_units = max(room, 0.0) / money_per_unit if money_per_unit > 0.0 else math.inf
    return (max_units, code) if max_units < tightest[0] else tightest


def settle(
    target_units: float, max_units: float, code: int, price: float, lot: float, min_value: float
) -> tuple[float, int]:
    """The size of an order under a limit: shrunk to whole lots, or 0 where it is not worth sending.

    Parameters
    ----------
    target_units, max_units : units of the order and of the limit, not signed.
    code : of the limit that sets ``max_units``.
    price : of one unit.
    lot : as in :func:`risk.sizing.lot_floor`.
    min_value : value below which an order is refused, account currency.

    Returns
    -------
    The units to open, and the code of what made them fewer, ``FREE`` if nothing did.

    >>> settle(5.0, 4.5, CAP, 110.0, 1.0, 0.0), settle(5.0, 9.0, CAP, 110.0, 1.0, 1000.0)
    ((4.0, 1), (0.0, 8))
    """
    units = target_units if max_units >= target_units else lot_floor(max_units, lot)
    if units * price < min_value:
        return 0.0, code if max_units < target_units else MIN_ORDER
    return units, FREE if units == target_units else code


def message(code: int, moment: str, max_units: float, target_units: float, price: float) -> str:
    """The reason that an order became smaller, in one line; empty if it did not.

    Parameters
    ----------
    moment : ``signal`` or ``fill``.

    >>> message(CAP, "fill", 4.5, 5.0, 110.0), message(MIN_ORDER, "signal", math.inf, 2.0, 5.0)
    ('cap at the fill: 4.5 of 5 units fit', 'minimum order at the signal: it is worth 10.00')
    """
    if code == FREE:
        return ""
    detail = (
        f"it is worth {target_units * price:.2f}"
        if code == MIN_ORDER
        else f"{max_units:.6g} of {target_units:.6g} units fit"
    )
    return f"{NAMES[code]} at the {moment}: {detail}"
