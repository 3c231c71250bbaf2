"""Output of the commands: results on stdout, the log on stderr."""

import logging
from contextlib import suppress

import click


def say(text: str, quiet: bool = False) -> None:
    """Print a result, unless the command is quiet."""
    if not quiet:
        click.echo(text)


def log_to_stderr(level: int) -> None:
    """Show log records from a level on; an earlier call's level no longer counts."""
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, _StderrHandler)]:
        root.removeHandler(old)
    handler = _StderrHandler(level)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)


class _StderrHandler(logging.Handler):
    """Writes to the stderr of the moment: a program that calls the command line twice may have replaced it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        with suppress(OSError, ValueError):  # it may be closed
            click.echo(self.format(record), err=True)
