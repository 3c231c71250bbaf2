"""``run_backtest.py cache``: the contents of the caches, and their removal."""

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.caches import cache_folder
from core.errors import StoreError
from engine.cli.console import say

if TYPE_CHECKING:
    from signals.cache.store import SignalStore


@click.command("cache")
@click.argument("action", type=click.Choice(["info", "clear"]))
def cache(action: str) -> None:
    """Say what the caches of signals, texts' scores, data files and the compiled engine hold, or empty them."""
    for line in cleared() if action == "clear" else contents():
        say(line)


def contents() -> tuple[str, ...]:
    """One line a cache: where it lies, how many entries of which sort, how large."""
    from engine.backtest.compiled import kernel_modules
    from marketdata.market_cache import LIMIT, market_store

    store = _signal_store()
    info = store.info()
    texts = _scores()
    entries = f"{info.entries} entries ({info.folds} of single folds)"
    size = sum(path.stat().st_size for path in texts)
    markets = market_store()
    stored = markets.entries()
    bytes_stored = sum(path.stat().st_size for path in stored)
    functions = kernel_modules.files(kernel_modules.kernel_folder())
    compiled = sum(path.stat().st_size for paths in functions.values() for path in paths)
    return (
        f"{store.folder}: {entries}, {_megabytes(info.size)} of at most {info.limit / 1e6:.0f} MB",
        f"{_score_folder()}: texts' scores by {len(texts)} scorers, {_megabytes(size)}",
        f"{markets.folder}: {len(stored)} checked markets, {_megabytes(bytes_stored)} of at most {LIMIT / 1e6:.0f} MB",
        f"{kernel_modules.kernel_folder()}: {len(functions)} compiled functions, {_megabytes(compiled)} "
        f"of at most {kernel_modules.LIMIT / 1e6:.0f} MB",
    )


def cleared() -> tuple[str, ...]:
    """Remove all of them; one line a cache, with what was removed. What audits found stays: it is a result.

    Raises
    ------
    StoreError
        A file cannot be removed.
    """
    from engine.backtest.compiled import kernel_modules
    from marketdata.market_cache import market_store

    store = _signal_store()
    texts = _scores()
    removed = store.clear()
    markets = market_store()
    forgotten = markets.clear()
    functions = kernel_modules.files(kernel_modules.kernel_folder())
    try:
        for path in [*texts, *_score_folder().glob("*.lock"), *chain.from_iterable(functions.values())]:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cache: {error.filename} cannot be removed: {error.strerror}") from error
    return (
        f"{store.folder}: {removed} entries removed",
        f"{_score_folder()}: {len(texts)} scorers' scores removed",
        f"{markets.folder}: {forgotten} checked markets removed",
        f"{kernel_modules.kernel_folder()}: {len(functions)} compiled functions removed",
    )


def _score_folder() -> Path:
    return cache_folder() / "scores"


def _scores() -> tuple[Path, ...]:
    """The files of scores, one a scorer."""
    return tuple(sorted(_score_folder().glob("*.txt")))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _signal_store() -> "SignalStore":
    from engine.pipeline import signal_store

    return signal_store()
