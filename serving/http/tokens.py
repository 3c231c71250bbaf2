"""Tokens: who may ask, and who may change the bundle that is served."""

import hmac
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import ConfigError
from serving.problems import Fault, Problem

SHORTEST = 16
BEARER = "bearer "
AUTHENTICATE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True)
class Tokens:
    """The tokens of a service; none: everybody who reaches it may ask, and nobody may change the bundle.

    Attributes
    ----------
    client : lets ask.
    admin : lets ask, and change the bundle.
    """

    client: str = field(default="", repr=False)
    admin: str = field(default="", repr=False)

    @classmethod
    def read(cls, path: Path) -> "Tokens":
        """The tokens in a file: one line for everything, or a line for clients and one for the administrator.

        Raises
        ------
        ConfigError
            The file cannot be read, or has another form.
        """
        try:
            lines = path.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is no ASCII text"
            raise ConfigError(f"--token-file {path}: cannot be read: {reason}") from None
        if len(lines) not in (1, 2):
            raise ConfigError(
                f"--token-file {path}: has {len(lines)} tokens; write one line for all, or two: clients, administrator"
            )
        short = min(map(len, lines))
        if short < SHORTEST:
            raise ConfigError(f"--token-file {path}: a token has {short} characters; it needs at least {SHORTEST}")
        return cls(lines[0], lines[-1])

    def require_client(self, authorization: str) -> None:
        """Refuse a request without a token.

        Parameters
        ----------
        authorization : the header of this name; empty for none.

        Raises
        ------
        Problem
            401.
        """
        if self.client and not (_is(authorization, self.client) | _is(authorization, self.admin)):
            remedy = "send the header `Authorization: Bearer TOKEN` with the token of --token-file"
            raise Problem(401, "token", Fault("", _fault_of(authorization), remedy=remedy), headers=AUTHENTICATE)

    def require_admin(self, authorization: str) -> None:
        """Refuse a request without the administrator's token.

        Raises
        ------
        Problem
            401 without a token, 403 with one that is not the administrator's.
        """
        if not self.admin:
            remedy = "start the service with --token-file, or send SIGHUP to its process"
            raise Problem(403, "token", Fault("", "without tokens nobody may change the bundle", remedy=remedy))
        self.require_client(authorization)
        if not _is(authorization, self.admin):
            remedy = "send the second token of --token-file"
            raise Problem(403, "token", Fault("", "the token is not the administrator's", remedy=remedy))


def _is(authorization: str, token: str) -> bool:
    """True if a header holds a token; takes as long whichever characters differ."""
    scheme = authorization[: len(BEARER)]
    sent = authorization[len(BEARER) :]
    return hmac.compare_digest(sent.strip().encode(), token.encode()) and scheme.lower() == BEARER


def _fault_of(authorization: str) -> str:
    return "the token is not the one of this service" if authorization else "the request has no token"
