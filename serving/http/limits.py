"""Limits of requests: how many at once, how large, how slow."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect, Request

from serving.metrics import Metrics
from serving.problems import Fault, Problem, unavailable

from .settings import Limits

CLOSE = {"Connection": "close"}
"""Only where no more is read: closing before the body has come would take the answer away from the client."""
RETRY_SECONDS = 1


class Gate:
    """Counts the requests in progress, and refuses those beyond the limit at once."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._count = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """A request in progress.

        Raises
        ------
        Problem
            503 with Retry-After: there are as many as are allowed.
        """
        if self._count >= self._limits.at_once:
            problem = f"{self._count} requests are being answered, which is the limit"
            raise unavailable("busy", problem, "repeat the request after a pause", RETRY_SECONDS)
        self._count += 1
        self._metrics.in_progress.set(self._count)
        try:
            yield
        finally:
            self._count -= 1
            self._metrics.in_progress.set(self._count)


async def body_of(request: Request, limits: Limits) -> bytes:
    """The body of a request.

    Raises
    ------
    Problem
        408: it came too slowly; 413: it is too large; 415: it is not declared as JSON.
    """
    _require_json(request)
    _require_size(request.headers.get("content-length", ""), limits)
    try:
        async with asyncio.timeout(limits.read_seconds):
            return await _received(request, limits)
    except TimeoutError:
        problem = f"the body did not arrive within {limits.read_seconds:g} seconds"
        raise Problem(408, "slow", Fault("", problem, remedy="send it faster"), headers=CLOSE) from None
    except ClientDisconnect:
        raise Problem(
            400, "unreadable", Fault("", "the body ended early", remedy="send the whole body"), headers=CLOSE
        ) from None


async def _received(request: Request, limits: Limits) -> bytes:
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limits.body:
            raise _too_large(f"more than {limits.body:,}", limits)
        chunks.append(chunk)
    return b"".join(chunks)


def _require_json(request: Request) -> None:
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        remedy = "send the header `Content-Type: application/json`"
        raise Problem(415, "media-type", Fault("", "the body must be JSON", kind[:100] or "no type", remedy))


def _require_size(length: str, limits: Limits) -> None:
    if length.isascii() and length.isdigit() and int(length[:20]) > limits.body:
        raise _too_large(f"{int(length[:20]):,}", limits)


def _too_large(size: str, limits: Limits) -> Problem:
    problem = f"the body has {size} bytes, at most {limits.body:,} are read"
    return Problem(413, "too-large", Fault("", problem, remedy="send fewer bars or symbols"))
