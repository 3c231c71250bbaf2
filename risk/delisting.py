"""The end of a symbol whose bars stop before the account does, while a position in it is held."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, create_model

from core.spec import Spec

SESSIONS = 5
"""Sessions of the account without a bar of a symbol, and none later, after which its position is closed."""

DELISTING = "delisting"
"""The word for an exit by the end of a symbol."""

DELISTED = f"{DELISTING}: the symbol has no later bar"
"""The reason in the table of orders."""

DelistingReturn = create_model(
    "DelistingReturn",
    __base__=Spec,
    __doc__="A delisting return: the last close is changed by it before the position is closed there.",
    __module__=__name__,
    **{  # the key is a word of Python
        "return": (
            Annotated[float, Field(ge=-1, le=10)],
            Field(description="Of the last close, as a fraction: -0.3 closes 30 % below it, -1 at 0."),
        )
    },
)

Delisting: TypeAlias = Literal["hold", "close_at_last"] | DelistingReturn


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
