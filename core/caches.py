"""Where caches lie, and whether they are used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_used: ContextVar[bool] = ContextVar("used", default=True)


def cache_folder() -> Path:
    """In the user's cache folder, or where the environment variable BACKTRADER_ML_CACHE says."""
    from platformdirs import user_cache_path

    folder = os.environ.get("BACKTRADER_ML_CACHE")
    return Path(folder) if folder else user_cache_path("backtrader-ml")


@contextmanager
def caching(used: bool) -> Iterator[None]:
    """Whether what is inside may read and write caches that it is not handed."""
    token = _used.set(used)
    try:
        yield
    finally:
        _used.reset(token)


def caches_used() -> bool:
    """Whether caches may be read and written here."""
    return _used.get()
