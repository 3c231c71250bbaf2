"""The end of a symbol whose bars stop before the account does, while a position in it is held."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, create_model

from core.spec import Spec

SESSIONS = 5
"""Sessions of the account without a bar of a symbol, and none later, after which its position is closed."""

DELISTING = "delisting"
"""The word for an exit by the end of a symbol."""

DELISTED = f"{DELISTING}: the symbol has no later bar"
"""The reason in the table of orders."""

_KEYS: Any = {  # of a mapping, because the key is a word of Python
    "return": (
        Annotated[float, Field(ge=-1, le=10)],
        Field(description="Of the last close, as a fraction: -0.3 closes 30 % below it, -1 at 0."),
    )
}
_Keyed: Any = create_model("_Keyed", __base__=Spec, **_KEYS)


class DelistingReturn(_Keyed):
    """A delisting return: the last close is changed by it before the position is closed there."""


def _form(value: object) -> str:
    """The tag of a value of the config: of a word, or of a mapping; messages leave tags with ``<`` out."""
    return "<return>" if isinstance(value, Mapping | Spec) else "<word>"


Delisting: TypeAlias = Annotated[
    Annotated[Literal["hold", "close_at_last"], Tag("<word>")] | Annotated[DelistingReturn, Tag("<return>")],
    Discriminator(_form),
]


def delisting_return(delisting: Delisting) -> float | None:
    """The return from the last close to the price at which a position is closed; None where it is held.

    >>> delisting_return("hold"), delisting_return("close_at_last")
    (None, 0.0)
    >>> delisting_return(DelistingReturn(**{"return": -0.3}))
    -0.3
    """
    if isinstance(delisting, Spec):
        return float(getattr(delisting, "return"))
    return None if delisting == "hold" else 0.0
