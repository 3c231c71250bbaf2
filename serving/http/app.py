"""The application: routes of the service, and problem documents for whatever they refuse."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from core.errors import PACKAGE, WorkbenchError
from serving.problems import Fault, Problem, unavailable
from serving.service import RETRY_SECONDS, Service
from serving.swap_request import swap_folder

from .api_schema import MODEL_ROUTE, PREDICT_ROUTE, PROBLEMS, with_bodies
from .docs_page import add_docs_page
from .limits import Gate, body_of
from .observed import Observed
from .settings import Limits
from .tokens import Tokens

Result = TypeVar("Result")
JSON = "application/json"
NOT_THERE = {404: "there is no such path", 405: "the path does not take this method"}


class Application:
    """The service as an ASGI application.

    Attributes
    ----------
    service : answers.
    limits, tokens : of requests.
    asgi : what a server runs.
    """

    def __init__(self, service: Service, limits: Limits, tokens: Tokens, *, local_names_only: bool = True) -> None:
        self.service = service
        self.limits = limits
        self.tokens = tokens
        self._gate = Gate(limits, service.metrics)
        self._deciding = ThreadPoolExecutor(limits.threads, "decide")
        self._other = ThreadPoolExecutor(2, "other")
        self.api = self._routes()
        self.asgi = Observed(self.api, service.metrics, local_names_only=local_names_only)

    def close(self) -> None:
        """Wait for the threads."""
        self._deciding.shutdown()
        self._other.shutdown()

    async def in_background(self, task: Callable[..., Result], *arguments: Any) -> Result:
        """Run something else than a decision in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._other, task, *arguments)

    def _routes(self) -> FastAPI:
        served = self.service.served.model.record
        api = FastAPI(
            title=f"backtrader-ml: {served.name}",
            version=version(PACKAGE),
            description="Predictions, sides and sizes of one bundle: those that the backtest had.",
            docs_url=None,
            redoc_url=None,
            exception_handlers={HTTPException: _no_route, Problem: _raised, Exception: _raised},
        )
        api.add_api_route("/predict", self.predict, methods=["POST"], **PREDICT_ROUTE)
        api.add_api_route("/model", self.swap, methods=["POST"], **MODEL_ROUTE)
        api.add_api_route("/model", self.model, methods=["GET"], responses=PROBLEMS["model"])
        api.add_api_route("/health", self.health, methods=["GET"], responses=PROBLEMS["health"])
        api.add_api_route("/ready", self.ready, methods=["GET"], responses=PROBLEMS["ready"])
        api.add_api_route(
            "/metrics", self.metrics, methods=["GET"], responses=PROBLEMS["metrics"], response_class=Response
        )
        add_docs_page(api)
        api.openapi = lambda: with_bodies(get_openapi(title=api.title, version=api.version, routes=api.routes))  # type: ignore[method-assign]
        return api

    async def predict(self, request: Request) -> Response:
        """The decision at the last bar of each symbol, as the backtest makes it.

        It is in the log when it is sent. Asked about the same bar again, the service answers again, and the log keeps
        the first answer; a differing one has a warning and is counted.
        """
        self.tokens.require_client(_authorization(request))
        with self._gate.entered():
            body = await body_of(request, self.limits)
            deciding = asyncio.get_running_loop().run_in_executor(
                self._deciding, self.service.predict, body, request.state.request
            )
            try:
                answer = await asyncio.wait_for(asyncio.shield(deciding), self.limits.answer_seconds)
            except TimeoutError:
                deciding.add_done_callback(_forget)
                problem = f"the answer took longer than {self.limits.answer_seconds:g} seconds"
                raise unavailable("slow-answer", problem, "repeat the request", RETRY_SECONDS) from None
        return Response(answer, media_type=JSON)

    async def swap(self, request: Request) -> JSONResponse:
        """Serve another bundle from now on; requests that were begun are answered by the old one.

        It needs the administrator's token. A bundle that is refused changes nothing.
        """
        self.tokens.require_admin(_authorization(request))
        folder = swap_folder(await body_of(request, self.limits))
        try:
            served = await self.in_background(self.service.swap, folder)
        except WorkbenchError as error:
            remedy = "the bundle before it goes on serving"
            raise Problem(422, "bundle", Fault("bundle", error.line, remedy=remedy)) from error
        return JSONResponse(dict(served.model.about))

    async def model(self, request: Request) -> JSONResponse:
        """The bundle that is served."""
        self.tokens.require_client(_authorization(request))
        return JSONResponse(dict(self.service.served.model.about))

    async def health(self) -> JSONResponse:
        """The service is alive."""
        return JSONResponse({"status": "alive"})

    async def ready(self) -> JSONResponse:
        """The bundle answered its self-test when it was loaded, and the log can be written."""
        try:
            await asyncio.wait_for(self.in_background(self.service.check), self.limits.answer_seconds)
        except (WorkbenchError, TimeoutError) as error:
            reason = error.line if isinstance(error, WorkbenchError) else "it does not answer in time"
            raise unavailable(
                "log", f"the log cannot be written: {reason}", "wait, or mend it", RETRY_SECONDS
            ) from error
        return JSONResponse({"status": "ready", "model": self.service.served.model.record.id})

    async def metrics(self, request: Request) -> Response:
        """Metrics for Prometheus."""
        self.tokens.require_client(_authorization(request))
        return Response(self.service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _forget(deciding: "asyncio.Future[bytes]") -> None:
    """Look at the outcome of a decision that nobody waits for, so that it is not reported as lost."""
    if not deciding.cancelled():
        deciding.exception()


def _authorization(request: Request) -> str:
    return request.headers.get("authorization", "")


async def _no_route(request: Request, error: Exception) -> Response:
    """An unknown path or method as a problem."""
    status = getattr(error, "status_code", 404)
    headers = dict(getattr(error, "headers", None) or {})
    asked_for = f"{request.method} {request.url.path}"[:200]
    remedy = "/docs shows the paths and methods"
    raise Problem(status, "path", Fault("", NOT_THERE.get(status, str(error)), asked_for, remedy), headers=headers)


async def _raised(_: Request, error: Exception) -> Response:
    """Leave problems and failures to :class:`serving.http.observed.Observed`, which knows the request."""
    raise error
