"""The return that a fill can earn."""

from core.types import Bars, Labels

from ._return_forms import ReturnLabel


class OpenToOpen(ReturnLabel):
    """Return from the next open, at which a decision is filled: ``open[t + 1 + horizon] / open[t + 1] - 1``.

    Examples
    --------
    >>> OpenToOpen(horizon=5).kind
    'open_to_open'
    """

    def compute(self, bars: Bars) -> Labels:
        """One label a bar; the last ``horizon + 1`` are not known yet."""
        return self.labels(bars, bars.open, 1)
