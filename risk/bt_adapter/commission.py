"""The broker's commission as backtrader's commission info."""

from typing import Any

import backtrader as bt

from risk.costs import BrokerSpec, CostTerms, commission


class RuleCommission(bt.CommissionInfo):
    """Commission by value, by unit, and at least a minimum on each fill; interest on shorts.

    ``cerebro.broker.addcommissioninfo(RuleCommission.of(BrokerSpec(commission_minimum=1.0)))``

    backtrader computes the commission of the closing and the opening part of a reversal one by one, so that each
    pays the minimum.
    """

    params = (("commission_per_unit", 0.0), ("commission_minimum", 0.0))

    @classmethod
    def of(cls, costs: BrokerSpec) -> "RuleCommission":
        """The commission of a broker with these costs."""
        return cls(
            commission=costs.commission,
            commission_per_unit=costs.commission_per_unit,
            commission_minimum=costs.commission_minimum,
            interest=costs.short_interest,
        )

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:  # noqa: ARG002 (backtrader's signature)
        return commission(size, price, self.p)


def costs_of(broker: Any, data: Any) -> CostTerms:
    """The costs of a fill of a feed in any Cerebro, as far as the risk rule uses them.

    Parameters
    ----------
    broker : backtrader's or a ``RiskBroker``, with a commission by value or by unit; slippage other than by percentage
        counts as 0.
    """
    info = broker.getcommissioninfo(data)
    by_value = info._commtype == info.COMM_PERC
    rate = float(info.p.commission)
    return CostTerms(
        commission=rate if by_value else 0.0,
        commission_per_unit=float(getattr(info.p, "commission_per_unit", 0.0)) if by_value else rate,
        commission_minimum=float(getattr(info.p, "commission_minimum", 0.0)),
        slippage=float(broker.p.slip_perc),
    )
