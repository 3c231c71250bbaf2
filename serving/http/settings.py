"""Settings of the HTTP service."""

import ipaddress
from dataclasses import dataclass

MEGABYTE = 1024**2


@dataclass(frozen=True)
class Limits:
    """Limits of requests, connections and threads.

    Attributes
    ----------
    body : bytes of a request.
    at_once : requests in progress; others get 503.
    threads : that decide.
    read_seconds : to receive the head of a request, and again its body.
    answer_seconds : to decide and store; then the client gets 503.
    idle_seconds : that a connection may be kept open between requests.
    stop_seconds : to finish the requests in progress when the service is stopped.
    connections : that may be open.
    """

    body: int = MEGABYTE
    at_once: int = 32
    threads: int = 1
    read_seconds: float = 10.0
    answer_seconds: float = 60.0
    idle_seconds: int = 30
    stop_seconds: int = 60
    connections: int = 1024


def is_loopback(host: str) -> bool:
    """True if only programs of this machine reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
