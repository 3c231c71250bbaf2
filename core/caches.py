"""The folder of caches, and a switch that turns them off for a block of code."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_used: ContextVar[bool] = ContextVar("used", default=True)


def cache_folder() -> Path:
    """The folder that the environment variable BACKTRADER_ML_CACHE names; by default one in the user's cache folder."""
    from platformdirs import user_cache_path

    folder = os.environ.get("BACKTRADER_ML_CACHE")
    return Path(folder) if folder else user_cache_path("backtrader-ml")


@contextmanager
def caching(used: bool) -> Iterator[None]:
    """A block in which caches other than those passed as arguments are used, or not."""
    token = _used.set(used)
    try:
        yield
    finally:
        _used.reset(token)


def caches_used() -> bool:
    """True where caches may be read and written."""
    return _used.get()
