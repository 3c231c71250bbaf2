"""The contract of scorer plug-ins."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from core.plugins import PluginSpec
from core.types import Vector

__all__ = ["Scorer"]


class Scorer(PluginSpec):
    """Gives each text a number: above 0 for good news, below 0 for bad."""

    family: ClassVar[str] = "scorers"

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for readers of the results, one line each."""
        return ()

    @abstractmethod
    def digest(self) -> str:
        """A digest of parameters, versions and the content of the model; equal digests mean equal scores.

        Raises
        ------
        ModelError
            The model cannot be found.
        """

    @abstractmethod
    def score(self, texts: Sequence[str]) -> Vector:
        """The scores of some texts, each once.

        Parameters
        ----------
        texts : K texts, at least one, none empty.

        Returns
        -------
        (K,) from -1 to 1, finite. A text's score does not depend on the texts around it.

        Raises
        ------
        ModelError
            The model cannot be loaded or used.
        """
