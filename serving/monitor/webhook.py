"""One POST of an evaluation to an address, tried again while it fails for a reason that may pass."""

import json
import logging
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from core.errors import ConfigError

log = logging.getLogger(__name__)

TRIES = 4
WAIT = 10.0
"""Seconds for each try."""
FIRST_PAUSE = 0.5
LASTING = range(400, 500)
"""Answers that another try does not change, but for 408 and 429."""
PASSING = (408, 429)


def check_address(url: str) -> None:
    """Refuse an address that is not one of HTTP.

    Raises
    ------
    ConfigError
        It is none.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"--webhook {url}: is no address; it must begin with http:// or https:// and name a host")


def post(url: str, content: dict[str, Any]) -> bool:
    """Send JSON; False, and a warning, where it did not arrive.

    A monitor goes on without its webhook: the evaluation is printed and logged all the same.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    body = json.dumps(content, allow_nan=False).encode()
    retrying = Retrying(
        stop=stop_after_attempt(TRIES),
        wait=wait_exponential(multiplier=FIRST_PAUSE, max=8.0),
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    try:
        retrying(_send, url, body)
    except (OSError, ValueError) as error:
        log.warning("--webhook %s: was not told: %s", url, error)
        return False
    return True


def _send(url: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - check_address has seen it
    try:
        with urllib.request.urlopen(request, timeout=WAIT) as answer:  # noqa: S310
            answer.read(1024)
    except urllib.error.HTTPError as error:
        error.close()
        raise


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in PASSING or error.code not in LASTING
    return isinstance(error, OSError)
