"""The return from close to close."""

from core.types import Bars, Labels

from ._return_forms import ReturnLabel


class ForwardReturn(ReturnLabel):
    """Return from the close of the decision over the next bars: ``close[t + horizon] / close[t] - 1``.

    Examples
    --------
    >>> ForwardReturn(horizon=5).kind
    'forward_return'
    """

    def compute(self, bars: Bars) -> Labels:
        """One label a bar; the last ``horizon`` are not known yet."""
        return self.labels(bars, bars.close, 0)
