"""Costs of trading: money, and drag on the return."""

from engine.pages.report.section import Section, fill
from engine.results.costs_paid import KINDS
from engine.results.outcome import Outcome

ORDER = 46


def section(outcome: Outcome) -> Section:
    """A line a kind of cost, and their sum."""
    paid = outcome.costs
    costs = [(kind, paid.money[kind], paid.drag[kind], kind) for kind in KINDS]
    costs.append(("total", paid.total, paid.total_drag, "total_costs"))
    return fill("costs.html", "Costs", costs=costs, outcome=outcome)
