"""The body of a request for another bundle."""

from pathlib import Path

from pydantic import TypeAdapter

from .json_body import parsed
from .questions import validated
from .schemas import SwapRequest

SWAP: TypeAdapter[SwapRequest] = TypeAdapter(SwapRequest)


def swap_folder(body: bytes) -> Path | None:
    """The folder to load; None: the one that is served.

    Raises
    ------
    Problem
        400: no JSON; 422: not acceptable.
    """
    request = validated(SWAP, parsed(body))
    return None if request.bundle is None else Path(request.bundle)
