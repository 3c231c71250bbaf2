"""Every error that a user can cause.

WorkbenchError
├── ConfigError          a key, a value or a combination of them
│   └── PluginError      a plug-in's name or file
├── DataError            prices, dates, files of market data
├── ModelError           a model that cannot be trained or used
└── StoreError           a run folder or cache entry that cannot be read or written

A message says what was wrong, what was given, where, and what to do, in one line. Context that only a caller knows
(which fold, which member) is added with ``error.add_note``; the command line prints it behind the message.
"""


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


class StoreError(WorkbenchError):
    """A run folder or a cache entry could not be read or written."""
