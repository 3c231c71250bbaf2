"""What is measured of each trial."""

from typing import TYPE_CHECKING

from core.errors import ConfigError
from engine.config.sweep_spec import SweepSpec
from risk.measures.base import Measure, TradeMeasure
from risk.measures.sharpe import Sharpe
from risk.measures.turnover import Turnover

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

COUNTS = ("fills", "trades", "rejections")


def measures_of(config: "RunConfig") -> tuple[Measure, ...]:
    """The headline measures of the config, turnover, and what the sweep asks for; each once.

    Raises
    ------
    ConfigError
        The objective or a constraint is a measure of single trades, of which a sweep keeps none.
    """
    assert config.sweep is not None  # noqa: S101 - asked only of a sweep
    for key in ("objective", "constraints"):
        require_measurable(config.sweep, key)
    asked = [config.sweep.objective.measure, *(each.measure for each in config.sweep.constraints)]
    usual = (each for each in config.measures.measures if not isinstance(each, TradeMeasure))
    found = {measure.name: measure for measure in (*usual, Sharpe(), Turnover(), *asked)}
    return tuple(found.values())


def require_measurable(spec: SweepSpec, key: str) -> None:
    """Refuse an objective, or a constraint, that a sweep cannot measure.

    Raises
    ------
    ConfigError
        It is a measure of single trades, of which a sweep keeps none.
    """
    judges = (spec.objective,) if key == "objective" else spec.constraints
    for measure in (each.measure for each in judges):
        if isinstance(measure, TradeMeasure):
            raise ConfigError(
                f"sweep.{key}: {measure.name} needs every closed trade, of which a sweep keeps none; take a measure of "
                "returns, such as sharpe, sortino, calmar or max_drawdown"
            )


def columns_of(measures: tuple[Measure, ...]) -> tuple[str, ...]:
    """The names of the values of a trial."""
    return ("final_value", *(measure.name for measure in measures), *COUNTS)
