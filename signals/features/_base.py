"""What every feature is."""

from abc import abstractmethod
from typing import ClassVar

from core.plugins import PluginSpec
from core.types import Bars, Matrix


class Feature(PluginSpec):
    """Columns made of one symbol's bars; row ``t`` uses bars ``0..t`` only.

    The values of the rows that two histories share must be the same bits when the later history is cut off, and
    within 1e-6 after the warm-up when the earlier bars are.
    """

    family: ClassVar[str] = "features"

    @property
    @abstractmethod
    def warmup(self) -> int:
        """Rows at the start that hold NaN or still depend on where the data begin."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The columns' names, which tell the parameters: ``sma_20``."""

    @abstractmethod
    def compute(self, bars: Bars) -> Matrix:
        """The columns of one symbol.

        Parameters
        ----------
        bars : T bars, which may be fewer than the warm-up.

        Returns
        -------
        (T, len(names)) float64. Only the first ``warmup`` rows are NaN; all are finite after.
        """
