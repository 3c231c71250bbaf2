"""The measures and counts of every trial of a sweep."""

from typing import TYPE_CHECKING

from core.errors import ConfigError
from engine.config.sweep_spec import SweepSpec
from risk.measures.base import Measure, TradeMeasure
from risk.measures.sharpe import Sharpe
from risk.measures.turnover import Turnover

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

COUNTS = ("fills", "trades", "rejections")
"""Names of the counts of a trial."""


def measures_of(config: "RunConfig") -> tuple[Measure, ...]:
    """The config's headline measures, the Sharpe ratio, turnover, and those of objective and constraints, each once.

    Raises
    ------
    ConfigError
        The objective or a constraint is a measure of single trades, of which a sweep keeps none.
    """
    assert config.sweep is not None  # noqa: S101 - the caller has checked it
    for key in ("objective", "constraints"):
        require_measurable(config.sweep, key)
    requested = [config.sweep.objective.measure, *(constraint.measure for constraint in config.sweep.constraints)]
    headline = [measure for measure in config.measures.measures if not isinstance(measure, TradeMeasure)]
    by_name = {measure.name: measure for measure in (*headline, Sharpe(), Turnover(), *requested)}
    return tuple(by_name.values())


def require_measurable(spec: SweepSpec, key: str) -> None:
    """Refuse an objective, or a constraint, that a sweep cannot measure.

    Raises
    ------
    ConfigError
        It is a measure of single trades, of which a sweep keeps none.
    """
    criteria = (spec.objective,) if key == "objective" else spec.constraints
    for measure in (criterion.measure for criterion in criteria):
        if isinstance(measure, TradeMeasure):
            raise ConfigError(
                f"sweep.{key}: {measure.name} needs every closed trade, of which a sweep keeps none; take a measure of "
                "returns, such as sharpe, sortino, calmar or max_drawdown"
            )


def columns_of(measures: tuple[Measure, ...]) -> tuple[str, ...]:
    """The names of a trial's values: final value, measures, counts."""
    return ("final_value", *(measure.name for measure in measures), *COUNTS)
