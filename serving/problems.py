"""Problem documents (RFC 9457): errors of the service as JSON that says what, given, where, and what to do."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"
LONGEST = 200
"""Characters of a given value that are repeated."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a request.

    Attributes
    ----------
    where : the place in the body, as ``bars[3].close``; empty for the whole request.
    problem : what is wrong.
    value : as it was given, shortened; empty if it is not repeated.
    remedy : what to do.
    """

    where: str
    problem: str
    value: str = ""
    remedy: str = ""

    @property
    def line(self) -> str:
        """All of it in one line."""
        value = f" (given {self.value})" if self.value else ""
        start = f"{self.where}: " if self.where else ""
        return f"{start}{self.problem}{value}" + (f"; {self.remedy}" if self.remedy else "")


class Problem(Exception):  # noqa: N818 - the term of RFC 9457
    """A request that is not answered.

    Attributes
    ----------
    status : of HTTP.
    kind : the last part of the document's ``type``, equal for equal problems.
    faults : one or more.
    headers : of the response.
    """

    def __init__(self, status: int, kind: str, *faults: Fault, headers: Mapping[str, str] | None = None) -> None:
        super().__init__("; ".join(fault.line for fault in faults))
        self.status = status
        self.kind = kind
        self.faults: Sequence[Fault] = faults
        self.headers = dict(headers or {})

    def document(self, request: str) -> dict[str, Any]:
        """The problem document.

        Parameters
        ----------
        request : id of the request.
        """
        return {
            "type": f"urn:backtrader-ml:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": str(self),
            "instance": f"urn:backtrader-ml:request:{request}",
            "errors": [
                {"where": fault.where, "problem": fault.problem, "given": fault.value, "remedy": fault.remedy}
                for fault in self.faults
            ],
        }

    def body(self, request: str) -> bytes:
        """The document as JSON in ASCII: what was given may hold half a character."""
        return json.dumps(self.document(request)).encode()


def shortened(value: object) -> str:
    """A given value in one short line."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def unreadable(problem: str, remedy: str) -> Problem:
    """A body that is no JSON."""
    return Problem(400, "unreadable", Fault("", problem, remedy=remedy))


def refused(*faults: Fault) -> Problem:
    """A body whose content is not acceptable."""
    return Problem(422, "invalid", *faults)


def unavailable(kind: str, problem: str, remedy: str, retry_after: int) -> Problem:
    """A request that may be repeated after some seconds."""
    return Problem(503, kind, Fault("", problem, remedy=remedy), headers={"Retry-After": str(retry_after)})
