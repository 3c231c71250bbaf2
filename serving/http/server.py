"""The server: a socket, signals, the removal of old predictions, and a stop that answers what was begun."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from core.errors import ConfigError, WorkbenchError
from serving.json_logs import event

from .app import Application
from .connections import PatientProtocol
from .settings import Limits, is_loopback

log = logging.getLogger("serving.server")

CLEAN_SECONDS = 3600.0
"""Old predictions are removed so often."""


def opened_socket(host: str, port: int, *, has_tokens: bool) -> socket.socket:
    """A socket that listens.

    Parameters
    ----------
    port : 0 takes a free one.

    Raises
    ------
    ConfigError
        The address is reached from other machines and there is no token, or it cannot be opened.
    """
    if not has_tokens and not is_loopback(host):
        raise ConfigError(
            f"--host {host}: other machines reach this address; state --token-file FILE with a token that they must "
            "send, or take --host 127.0.0.1"
        )
    try:
        kind = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(kind[4][:2], family=kind[0], backlog=2048)
        # Connections take it over. asyncio sets it on sockets that it makes itself; without it an answer's second
        # packet waits 40 ms for the first one's acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        is_name = isinstance(error, socket.gaierror)
        reason = error.strerror if is_name or not error.errno else os.strerror(error.errno)
        raise ConfigError(f"--host {host} --port {port}: cannot be opened: {reason}; choose another --port") from None
    except (OverflowError, UnicodeError) as error:
        raise ConfigError(f"--host {host} --port {port}: is no address: {error}") from None
    return listener


SWITCH_SECONDS = 0.0005
"""A thread that computes lets others run so often; Python's own 5 ms are half of what a whole answer takes."""


class Server(uvicorn.Server):
    """uvicorn's server that reads the bundle again on SIGHUP, and ends with exit code 0 on SIGTERM and Ctrl-C."""

    def __init__(self, application: Application, when_ready: Callable[[], None]) -> None:
        limits = application.limits
        super().__init__(_config(application, limits))
        self._application = application
        self._when_ready = when_ready
        self._cleaning: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; then say so."""
        await super().startup(sockets)
        with suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread, or no such signal
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
        self._cleaning = asyncio.create_task(self._clean())
        self._when_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was begun, then close."""
        event(log, "stopping", in_progress=len(self.server_state.tasks))
        if self._cleaning is not None:
            self._cleaning.cancel()
        await super().shutdown(sockets)
        event(log, "stopped")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that stop the service; unlike uvicorn's, they are not raised again at the end."""
        try:
            before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not in the main thread
            yield
            return
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _reload(self) -> None:
        self._reloading = asyncio.create_task(self._swap())

    async def _swap(self) -> None:
        with suppress(WorkbenchError):  # it is in the log, and the old bundle goes on serving
            await self._application.in_background(self._application.service.swap)

    async def _clean(self) -> None:
        """Remove old predictions at the start, and then every hour."""
        while self._application.service.keep_days is not None:
            try:
                await self._application.in_background(self._application.service.remove_old)
            except WorkbenchError as error:
                event(log, "old predictions not removed", logging.ERROR, reason=error.line)
            await asyncio.sleep(CLEAN_SECONDS)


def _config(application: Application, limits: Limits) -> uvicorn.Config:
    protocol = type("Protocol", (PatientProtocol,), {"HEAD_SECONDS": limits.read_seconds})
    return uvicorn.Config(
        application.asgi,
        http=protocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=limits.stop_seconds,
    )


def serve(application: Application, listener: socket.socket, when_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Parameters
    ----------
    when_ready : called with the address, as ``http://127.0.0.1:8000``, when requests are answered.
    """
    host, port = listener.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    _prepare_process()
    try:
        Server(application, lambda: when_ready(address)).run(sockets=[listener])
    finally:
        listener.close()
        application.close()


def _prepare_process() -> None:
    """Settings of the interpreter that shorten the wait of a request beside a decision that computes."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()  # what was imported and loaded stays, and is not looked at in every collection
