"""The contract of feature plug-ins."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from core.plugins import PluginSpec
from core.types import Bars, Market, Matrix

__all__ = ["BarFeature", "Feature"]


class Feature(PluginSpec):
    """Columns made of what was known at each of a symbol's bars; row ``t`` uses nothing after close ``t``.

    The values of the rows that two histories share must be the same bits when the later history is cut off, and
    within 1e-6 after the warm-up when the earlier bars are. A feature of the symbol's own bars alone is a
    :class:`BarFeature`.
    """

    family: ClassVar[str] = "features"

    news: ClassVar[bool] = False
    """True where it reads the market's news."""

    @property
    @abstractmethod
    def warmup(self) -> int:
        """Rows at the start that hold NaN or still depend on where the data begin."""

    def warmup_in(self, market: Market, symbol: str) -> int:
        """:attr:`warmup` for a symbol of a market, which may decide it."""
        del market, symbol
        return self.warmup

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The columns' names, with the parameters: ``sma_20``."""

    @abstractmethod
    def of(self, market: Market, symbol: str) -> Matrix:
        """The columns of one symbol.

        Parameters
        ----------
        market : all that may be used. Of another symbol, of the news and of anything else only what was known at
            or before a row's own close time may be in that row.
        symbol : a traded symbol with T bars, which may be fewer than the warm-up.

        Returns
        -------
        (T, len(names)) float64. Only the first ``warmup`` rows are NaN; all are finite after.
        """

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for readers of the results, one line each."""
        return ()

    def others(self, market: Market) -> tuple[str, ...]:
        """The other symbols whose bars it uses; by default none."""
        del market
        return ()

    def inputs(self, market: Market) -> Mapping[str, str]:
        """Digests, by name, of its inputs other than the bars of its symbol and of :meth:`others`.

        They are part of the key of stored signals: an input that is not named here could change unnoticed. The default
        for a feature that reads the news is the digest of all of it.
        """
        return {"news": market.news.digest} if self.news and market.news else {}


class BarFeature(Feature):
    """A feature of a symbol's own bars."""

    windowed: ClassVar[bool] = False
    """True where :attr:`warmup` bars and the row's own decide its values: to the bit, whatever was before them."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Take the promise ``windowed`` for no ``compute`` but that of the class that makes it."""
        super().__pydantic_init_subclass__(**kwargs)
        if "compute" in vars(cls) and "windowed" not in vars(cls):
            cls.windowed = False

    def of(self, market: Market, symbol: str) -> Matrix:
        """The columns of one symbol, from its bars."""
        return self.compute(market.bars[symbol])

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
