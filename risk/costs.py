"""The simulated broker's costs: commission, slippage, market impact and interest.

The functions take floats and one object of parameters and use nothing but ``+ - * /`` and comparisons, so that a
compiler gives the same bits as Python.
"""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from core.spec import Rate, Share, Spec

from .delisting import Delisting

DAYS_OF_INTEREST = 365.0
"""Interest is counted by calendar day of a year of 365."""


class VolumeShare(Spec):
    """Market impact by the share of the bar's volume: a fill moves the price by ``coefficient x share^2``."""

    kind: Literal["volume_share"] = "volume_share"
    """The model's name."""

    coefficient: Annotated[float, Field(ge=0, le=10)] = 0.1
    """How far the price moves, as a fraction of itself, for a fill of the bar's whole volume."""

    limit: Share = 0.025
    """Largest share of the bar's volume that may be opened; more is trimmed off. Closing fills are never held back."""


class BrokerSpec(Spec):
    """The simulated broker: cash, costs and the smallest size."""

    cash: Annotated[float, Field(gt=0)] = 10_000.0
    """Initial cash in account currency, above 0; the base of every return."""

    commission: Rate = 0.001
    """Commission on each fill as a fraction of its value, units times price; 0.001 is 0.1 %."""

    commission_per_unit: Annotated[float, Field(ge=0)] = 0.0
    """Commission on each unit of a fill, in account currency; it comes on top of `commission`."""

    commission_minimum: Annotated[float, Field(ge=0)] = 0.0
    """Least commission on a fill, in account currency."""

    slippage: Rate = 0.0005
    """How much worse than the market's price a fill is, as a fraction of that price; 0.0005 is 5 basis points."""

    slip_out: bool = True
    """Whether slippage may push a fill outside its bar's range; false keeps fills inside and loses part of it."""

    impact: VolumeShare | None = None
    """Market impact on top of slippage, by the name of a model: `{kind: volume_share}`; none by default."""

    lot: Annotated[float, Field(ge=0)] = 0.0
    """Units in one lot; sizes are rounded down to whole lots. 0 allows any fraction of a unit."""

    short_interest: Rate = 0.03
    """Yearly interest on the entry value of short positions, charged by calendar day of the sessions' zone; 0.03 is
    3 %."""

    cash_interest: Rate = 0.0
    """Yearly interest earned on idle cash by calendar day of the sessions' zone; the proceeds of shorts earn nothing.
    0.02 is 2 %."""

    delisting: Delisting = "close_at_last"
    """The end of a position in a symbol that has no bar for 5 sessions and none later: `close_at_last` closes it at the
    symbol's last close, `{return: -0.3}` at 30 % below that; `hold` keeps it at its last close to the end."""

    @property
    def cash_yield(self) -> float:
        """The effective yearly return of cash: `cash_interest`, credited every day.

        >>> round(BrokerSpec(cash_interest=0.05).cash_yield, 6), BrokerSpec().cash_yield
        (0.051267, 0.0)
        """
        return float((1.0 + self.cash_interest / DAYS_OF_INTEREST) ** DAYS_OF_INTEREST - 1.0)

    def with_costs(self, factor: float) -> "BrokerSpec":
        """The same broker with every cost multiplied by a factor; a rate stays below 1.

        >>> BrokerSpec(commission=0.001, short_interest=0.6).with_costs(2).short_interest
        0.99
        """
        impact = self.impact
        if impact is not None:
            impact = impact.model_copy(update={"coefficient": factor * impact.coefficient})
        return self.model_copy(
            update={
                "commission": min(factor * self.commission, 0.99),
                "commission_per_unit": factor * self.commission_per_unit,
                "commission_minimum": factor * self.commission_minimum,
                "slippage": min(factor * self.slippage, 0.99),
                "short_interest": min(factor * self.short_interest, 0.99),
                "impact": impact,
            }
        )


class CostTerms(NamedTuple):
    """The costs of a fill as numbers; the names are those of :class:`BrokerSpec`, which serves as well."""

    commission: float
    commission_per_unit: float
    commission_minimum: float
    slippage: float


def commission(units: float, price: float, p: Any) -> float:
    """The broker's commission on one fill.

    Parameters
    ----------
    units : filled, signed or not.
    price : of one unit, account currency.
    p : has ``commission``, ``commission_per_unit`` and ``commission_minimum``.

    Returns
    -------
    Account currency, at least 0; 0 for no units.

    >>> commission(10.0, 50.0, BrokerSpec(commission=0.001)), commission(1.0, 50.0, BrokerSpec(commission_minimum=1.0))
    (0.5, 1.0)
    """
    if units == 0.0:
        return 0.0
    size = abs(units)
    return float(max(size * p.commission * price + size * p.commission_per_unit, p.commission_minimum))


def impact_fraction(units: float, volume: float, p: Any) -> float:
    """The move of the price that a fill causes, as a fraction of it.

    The share of the volume counts up to 1: the model does not cover a fill larger than all that was traded. A fill in
    a bar without volume counts as all of the bar's volume.

    Parameters
    ----------
    units : filled, signed or not.
    volume : units traded in the fill's bar.
    p : has ``coefficient``.

    Returns
    -------
    ``coefficient x volume_share^2``, at least 0.

    >>> impact_fraction(50.0, 100.0, VolumeShare(coefficient=0.1)), impact_fraction(1.0, 0.0, VolumeShare())
    (0.025, 0.1)
    """
    volume_share = abs(units) / volume if volume > 0.0 else 1.0
    return float(p.coefficient * min(volume_share, 1.0) * min(volume_share, 1.0))


def idle_cash(cash: float, short_value: float) -> float:
    """The cash that earns interest: what is left without the proceeds of shorts, never below 0.

    Parameters
    ----------
    cash : of the account, short proceeds included.
    short_value : sum of abs(units) x entry price over the shorts.

    >>> idle_cash(10_500.0, 500.0), idle_cash(100.0, 500.0)
    (10000.0, 0.0)
    """
    return max(cash - short_value, 0.0)
