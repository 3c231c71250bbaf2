"""What the broker charges and how it fills."""

from typing import Annotated

from pydantic import Field

from core.spec import Rate, Spec


class BrokerSpec(Spec):
    """The simulated broker: cash, costs and the smallest size."""

    cash: Annotated[float, Field(gt=0)] = 10_000.0
    """Initial cash in account currency, above 0; the base of every return."""

    commission: Rate = 0.001
    """Commission on each fill as a fraction of its value, units times price; 0.001 is 0.1 %."""

    slippage: Rate = 0.0005
    """How much worse than the market's price a fill is, as a fraction of that price; 0.0005 is 5 basis points."""

    slip_out: bool = True
    """Whether slippage may push a fill outside its bar's range; false keeps fills inside and loses part of it."""

    lot: Annotated[float, Field(ge=0)] = 0.0
    """Units in one lot; sizes are rounded down to whole lots. 0 allows any fraction of a unit."""

    short_interest: Rate = 0.03
    """Yearly interest on the entry value of short positions, charged by calendar day; 0.03 is 3 %."""
