"""Every error that a user can cause.

WorkbenchError
├── ConfigError          a key, a value or a combination of them
│   └── PluginError      a plug-in's name or file
├── DataError            prices, dates, files of market data
├── ModelError           a model that cannot be trained or used
│   └── WorkerDiedError  a process that ended before its task was done
└── StoreError           a run folder or cache entry that cannot be read or written

A message says what was wrong, what was given, where, and what to do, in one line. Context that only a caller knows
(which fold, which member) is added with ``error.add_note``; the command line prints it behind the message.
"""

import json
import signal
from importlib import metadata
from pathlib import Path

PACKAGE = "backtrader-ml"
ROOT = Path(__file__).resolve().parents[1]


class WorkbenchError(Exception):
    """Something the user can mend; the command line prints it as one line and exits with code 2."""

    exit_code = 2

    @property
    def line(self) -> str:
        """The message and its notes as one line."""
        return " ".join([str(self), *(f"({note})" for note in getattr(self, "__notes__", ()))]).replace("\n", " ")


class ConfigError(WorkbenchError):
    """A key, a value or a combination of them was not acceptable."""


class PluginError(ConfigError):
    """A plug-in was not found, or its file broke the rules of its family."""


class DataError(WorkbenchError):
    """Market data was missing, malformed or implausible."""


class ModelError(WorkbenchError):
    """A model could not be trained or used."""


class WorkerDiedError(ModelError):
    """A worker process ended before its task was done.

    Attributes
    ----------
    exit_code : of the process; negative for the number of the signal that ended it.
    """

    exit_code = 0

    @classmethod
    def from_exit_code(cls, exit_code: int) -> "WorkerDiedError":
        """The error for a process that ended with an exit code.

        >>> error = WorkerDiedError.from_exit_code(-9)
        >>> print(error)
        a worker process died of signal 9 (Killed) before it was done; if memory ran out, use fewer workers
        """
        killed = exit_code < 0
        end = (
            f"died of signal {-exit_code} ({signal.strsignal(-exit_code)})"
            if killed
            else f"ended with exit code {exit_code}"
        )
        error = cls(f"a worker process {end} before it was done; if memory ran out, use fewer workers")
        error.exit_code = exit_code
        return error

    @property
    def cause(self) -> str:
        """``signal 9`` or ``exit code 1``."""
        return f"signal {-self.exit_code}" if self.exit_code < 0 else f"exit code {self.exit_code}"


class StoreError(WorkbenchError):
    """A run folder or a cache entry could not be read or written."""


def install_hint(extra: str) -> str:
    """The way to install an extra: `make install` in a checkout, else the extra from where the program came from.

    A bare name is never given to an installer: on a public index another package may bear it.

    Parameters
    ----------
    extra : the name of an optional group of dependencies.
    """
    if (ROOT / "Makefile").is_file() and (ROOT / "pyproject.toml").is_file():
        return f"run `make install` in {ROOT}"
    source = _source()
    if source:
        return f"run `pip install '{PACKAGE}[{extra}] @ {source}'`"
    return f"install {PACKAGE} again from where it came, with the extra: `pip install 'FILE_OR_FOLDER[{extra}]'`"


def _source() -> str:
    """The address that the program was installed from, as pip recorded it; empty for an index."""
    try:
        record = metadata.distribution(PACKAGE).read_text("direct_url.json")
        return str(json.loads(record)["url"]) if record else ""
    except (metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        return ""
