"""The review on loopback: the page, the pages of its runs, and marks that are saved into the runs' folders.

One address holds everything, below a random token; whoever does not know it gets a 404. The server answers requests for
its own host name only, so that no other web page can reach it through a name that resolves to loopback.
"""

import json
import re
import secrets
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from core.errors import StoreError
from engine.sweep.storage.file_names import WINNERS

from .marks import OutdatedError, write_mark

HOST = "127.0.0.1"
BODY_LIMIT = 64 * 1024
REPORT = "report.html"
PAGES = frozenset({REPORT, "tearsheet.html", "sweep.html"})
TIMEOUT = 30.0
"""Seconds that a client may stay silent."""
HTML = "text/html; charset=utf-8"
JSON = "application/json"


class _RequestError(Exception):
    """A request that is refused."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class ReviewServer(ThreadingHTTPServer):
    """Serves one review.

    Attributes
    ----------
    token : the first part of every path.
    folders : of the runs, by their number on the page.
    page : makes the page anew for each request, so that it shows the marks as they are.
    """

    daemon_threads = True

    def __init__(self, folders: list[Path], page: Callable[[], str], port: int = 0) -> None:
        self.token = secrets.token_urlsafe(24)
        self.folders = folders
        self.page = page
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise StoreError(
                f"port {port} of {HOST} cannot be used: {error.strerror}; choose another --port"
            ) from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing for a browser that has closed its connection; the usual traceback for a fault of ours."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """The address to open."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    timeout = TIMEOUT
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The review, or a page of a run."""
        try:
            self._get(self._parts())
        except StoreError as error:
            self._problem(HTTPStatus.INTERNAL_SERVER_ERROR, error.line)

    def _get(self, parts: list[str] | None) -> None:
        if parts == [""]:
            self._answer(HTTPStatus.OK, self.server.page().encode("utf-8", "replace"), HTML)
        elif parts and len(parts) == 3 and parts[0] == "run" and parts[2] in PAGES:
            self._file(parts[1], parts[2])
        elif parts and len(parts) == 5 and parts[0] == "run" and _is_winners_report(parts[2:]):
            self._file(parts[1], "/".join(parts[2:]))
        else:
            self._problem(HTTPStatus.NOT_FOUND, "there is no such page; open the address that the command printed")

    def do_POST(self) -> None:
        """A mark: ``{"mark": "keep", "note": "...", "revision": 0}``."""
        try:
            folder = self._marked_folder()
            body = self._body()
            mark = write_mark(folder, body["mark"], body["note"], seen=body["revision"])
        except _RequestError as error:
            self._problem(error.status, error.detail)
        except OutdatedError as error:
            self._answer(HTTPStatus.CONFLICT, _dumped({"detail": error.line, **vars(error.current)}), JSON)
        except StoreError as error:
            self._problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.line)
        else:
            self._answer(HTTPStatus.OK, _dumped(vars(mark)), JSON)

    def _marked_folder(self) -> Path:
        parts = self._parts()
        folder = self._folder(parts[1]) if parts and len(parts) == 2 and parts[0] == "mark" else None
        if folder is None:
            raise _RequestError(HTTPStatus.NOT_FOUND, "there is no such run")
        return folder

    def _body(self) -> dict[str, Any]:
        """The mark that was sent."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise _RequestError(HTTPStatus.LENGTH_REQUIRED, "the request states no Content-Length")
        if len(length) > 9 or int(length) > BODY_LIMIT:
            raise _RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a mark has at most {BODY_LIMIT} bytes")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            raise _RequestError(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
        kinds = {"mark": str, "note": str, "revision": int}
        if not isinstance(body, dict) or any(type(body.get(key)) is not kind for key, kind in kinds.items()):
            detail = "a mark has the texts `mark` and `note` and the number `revision`"
            raise _RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
        return body

    def _file(self, number: str, name: str) -> None:
        folder = self._folder(number)
        try:
            content = (folder / name).read_bytes() if folder else b""
        except OSError:
            content = b""
        if content:
            self._answer(HTTPStatus.OK, content, HTML)
        else:
            self._problem(HTTPStatus.NOT_FOUND, f"the run has no {name}")

    def _folder(self, number: str) -> Path | None:
        within = number.isascii() and number.isdigit() and int(number[:9]) < len(self.server.folders)
        return self.server.folders[int(number[:9])] if within else None

    def _parts(self) -> list[str] | None:
        """The path below the token; None for another host or token."""
        hosts = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        token, _, rest = unquote(urlsplit(self.path).path).removeprefix("/").partition("/")
        matches = secrets.compare_digest(token.encode(), self.server.token.encode())
        return rest.split("/") if matches and self.headers.get("Host") in hosts else None

    def _problem(self, status: HTTPStatus, detail: str) -> None:
        self.close_connection = True
        self._answer(
            status, _dumped({"title": status.phrase, "status": status, "detail": detail}), "application/problem+json"
        )

    def _answer(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Nothing: the terminal shows the address alone."""


def _is_winners_report(parts: list[str]) -> bool:
    """True if a path below a sweep's folder is a winner's report; no part of it leads elsewhere."""
    return parts[0] == WINNERS and parts[2] == REPORT and re.fullmatch(r"trial-[0-9]+-[0-9a-f]+", parts[1]) is not None


def _dumped(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode()
