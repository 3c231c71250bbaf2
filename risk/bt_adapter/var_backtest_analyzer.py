"""The VaR backtest as a backtrader analyzer."""

from pydantic import ValidationError

from core.errors import ConfigError
from risk.var.rolling_forecasts import check_window
from risk.var.var_backtest import VarBacktestSpec, run_var_backtest

from .analyzers import Answer, SessionReturns


class VarExam(SessionReturns):
    """VaR backtest of the account's daily returns: ``cerebro.addanalyzer(VarExam, methods=["ewma"])``.

    ``get_analysis()`` has ``window``, ``papers``, a mapping for each method and level with ``hits``, ``expected``, the
    tests' statistics and p-values and a ``verdict`` in words (see :class:`~risk.var.var_backtest.VarTest`), and
    ``reason``: why there are none.

    Parameters
    ----------
    levels : confidences, between 0.5 and 1.
    window : days before the first forecast, 100 to 5000.
    methods : names as in :class:`~risk.var.var_backtest.VarBacktestSpec`.
    seed : of the simulated p-values.

    Raises
    ------
    ConfigError
        Before the first bar: an impossible level, an unknown method, or a window that cannot be.
    """

    params = (("levels", (0.95, 0.99)), ("window", 250), ("methods", VarBacktestSpec().methods), ("seed", 0))

    def __init__(self) -> None:
        try:
            self._spec = VarBacktestSpec(window=self.p.window, methods=tuple(self.p.methods))
        except ValidationError as error:
            first = error.errors()[0]
            location = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"{type(self).__name__}: {location}={first['input']!r}: {first['msg']}") from error
        check_window(self.p.window, self.p.levels)

    def measure(self) -> Answer:
        """The VaR backtest of the account's daily returns; none for a ruined account."""
        if self.ruin:
            return {"window": self.p.window, "reason": self.ruin, "papers": []}
        return run_var_backtest(self.returns, self._spec, self.p.levels, self.p.seed).dump()
