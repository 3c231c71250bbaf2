"""The contract of a strategy plug-in.

A strategy is one file in this folder: a spec whose fields are its parameters, and a pure rule that says on which side
of the market a symbol should be. Nothing in it knows backtrader; :mod:`strategies._backtrader` runs any rule.

A rule is scalar: it sees one symbol. It reads ``p`` only by attribute, every attribute it reads is a number, and it
uses only ``+ - * /``, comparisons, ``min``, ``max`` and square roots. Then it can be compiled as it stands and gives
the same bits: powers, exponentials and logarithms differ in the last bit between Python and a compiler.
"""

from typing import Any, ClassVar, Protocol

from core.plugins import PluginSpec


class Rule(Protocol):
    """From one symbol's signal and side to its target side."""

    def __call__(self, prediction: float, confidence: float, side: int, p: Any) -> int:
        """Return the side to be on after this bar.

        Parameters
        ----------
        prediction : expected return over the label's horizon, a fraction; NaN when there is no opinion.
        confidence : in [0, 1]; NaN exactly where the prediction is.
        side : the side now: 1 long, -1 short, 0 flat.
        p : the parameters: the spec, or anything with the same numeric attributes.

        Returns
        -------
        1 long, -1 short, 0 flat. ``side`` for a NaN prediction: no opinion keeps the position.
        """
        ...


class Strategy(PluginSpec):
    """A strategy's parameters.

    Attributes
    ----------
    rule : the pure rule, a module-level function of the strategy's file.
    """

    family: ClassVar[str] = "strategies"
    rule: ClassVar[Rule]
