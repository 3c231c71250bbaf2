"""Around every request: an id, a line in the log, metrics, and a problem document for whatever goes wrong."""

import logging
import re
import time
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.json_logs import event
from serving.metrics import Metrics
from serving.problems import MEDIA_TYPE, Fault, Problem

from .settings import is_loopback

log = logging.getLogger("serving.requests")

ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
PATHS = frozenset({"/predict", "/health", "/ready", "/model", "/metrics", "/openapi.json", "/docs"})
"""Paths that metrics name; all others count together, so that their number is bounded."""


class Observed:
    """The application with an id, a log line and metrics for each request.

    Parameters
    ----------
    app : the application.
    metrics : counts requests.
    local_names_only : refuse requests whose Host is no name of this machine: a web page of somebody else could make a
        browser on this machine ask in its name.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, *, local_names_only: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._local_names_only = local_names_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request = _id(headers.get(b"x-request-id", b""))
        scope["state"]["request"] = request
        seen = _Seen(send, request)
        begun = time.perf_counter()
        try:
            self._require_local_name(headers.get(b"host", b""))
            await self._app(scope, receive, seen.send)
        except Problem as problem:
            await seen.refuse(problem)
        except Exception:
            log.exception("request failed", extra={"fields": {"request": request}})
            remedy = f"look for the request {request} in the log of the service"
            await seen.refuse(Problem(500, "failure", Fault("", "the service failed", remedy=remedy)))
        finally:
            self._note(scope, request, seen.status, time.perf_counter() - begun)

    def _require_local_name(self, host: bytes) -> None:
        if not self._local_names_only:
            return
        name = host.decode("latin-1").strip().lower()
        name = name.partition("]")[0].removeprefix("[") if name.startswith("[") else name.partition(":")[0]
        if name and not is_loopback(name):
            remedy = "ask 127.0.0.1 or localhost, or serve another --host with --token-file"
            raise Problem(
                421, "host", Fault("", "the service answers to names of this machine only", name[:100], remedy)
            )

    def _note(self, scope: Scope, request: str, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in PATHS else "other"
        self._metrics.requests.labels(path, str(status)).inc()
        self._metrics.seconds.labels(path).observe(seconds)
        client = scope.get("client")
        event(
            log,
            "request",
            request=request,
            method=scope["method"],
            path=scope["path"][:200],
            status=status,
            seconds=round(seconds, 6),
            client=client[0] if client else None,
        )


def _id(sent: bytes) -> str:
    """The id that the client gives its request, or a new one."""
    return sent.decode() if ID.fullmatch(sent) else uuid4().hex


class _Seen:
    """Sends a response with the request's id, and notes its status; 499 where the client left before there was one."""

    def __init__(self, send: Send, request: str) -> None:
        self.status = 499
        self._send = send
        self._request = request
        self._begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            self.status = message["status"]
            message["headers"] = [*message.get("headers", []), (b"x-request-id", self._request.encode())]
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        """Send a problem document, unless a response was begun."""
        if self._begun:
            return
        body = problem.body(self._request)
        headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **problem.headers}
        pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": problem.status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": body})
