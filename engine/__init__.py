"""The straight line from a config file to a run folder, and the engines that backtest.

``from engine import run, load_run`` is all that a notebook or a script needs, and ``RunRecorder`` all that a Cerebro of
one's own needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core.deprecation import moved_modules

if TYPE_CHECKING:
    from .api import load_review, load_run, load_sweep, run, train
    from .bundle.read import load_bundle
    from .recorder import RunRecorder

__all__ = ["RunRecorder", "load_bundle", "load_review", "load_run", "load_sweep", "run", "train"]
_ELSEWHERE = {"RunRecorder": "engine.recorder", "load_bundle": "engine.bundle.read"}
"""The modules of members that are not in :mod:`engine.api`."""

moved_modules(
    {
        "engine.books": "engine.backtest.engine_output",
        "engine.bt_feed": "engine.backtest.bt.feed",
        "engine.compiled_engine": "engine.backtest.compiled",
    },
    since="0.2",
)


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for: the command line loads this package before anything heavy."""
    if name in __all__:
        return getattr(import_module(_ELSEWHERE.get(name, "engine.api")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
