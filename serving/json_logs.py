"""Structured logs: one JSON object a line; never a body, a header or a token."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

FIELDS = "fields"
"""The attribute of a log record that holds a mapping of further keys."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, logger, event, and the fields of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; an exception is its type and message, and its traceback a key."""
        values: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        return json.dumps(values, default=str)


def log_as_json(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send the records of all loggers to a stream, stderr by default, in place of earlier handlers."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("serving").setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)


def event(logger: logging.Logger, text: str, level: int = logging.INFO, **fields: object) -> None:
    """Log an event with its fields."""
    logger.log(level, text, extra={FIELDS: fields})
