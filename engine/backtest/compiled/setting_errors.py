"""Errors of one setting of a batch: the setting's index and the reason as separate attributes."""

from typing import Any

from core.errors import ConfigError, PluginError


class SettingError(ConfigError):
    """A setting of a batch could not be used.

    Attributes
    ----------
    index : of the setting, counted over all chunks of a run.
    reason : the message without the index.
    """

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"setting {index}: {reason}")
        self.index = index
        self.reason = reason

    def __reduce__(self) -> Any:
        return type(self), (self.index, self.reason)


class SettingRuleError(SettingError, PluginError):
    """The strategy's rule failed for a setting of a batch, or could not be compiled."""
