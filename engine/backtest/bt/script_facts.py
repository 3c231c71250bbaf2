"""Facts of a Cerebro script seen from outside: classes, parameters and data as plain values, and the source."""

import hashlib
import inspect
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.digests import frame_digest
from core.spec import Spec
from core.types import Market


def facts(strategy: Any, market: Market, source: str) -> dict[str, Any]:
    """The parts of a script by name, each with its class and parameters.

    Parameters
    ----------
    source : SHA-256 of the strategy's source; empty where it is not known.
    """
    broker = strategy.broker
    infos = {name or "every feed": info for name, info in getattr(broker, "comminfo", {}).items()}
    return {
        "strategy": {**described(strategy), "sha256": source},
        "feeds": {
            symbol: {"bars": len(bars), "sha256": frame_digest(bars.frame), "traded": symbol in market.trade}
            for symbol, bars in market.bars.items()
        },
        "broker": described(broker),
        "commission": {name: described(info) for name, info in infos.items()},
        "sizer": described(strategy.getsizer()),
    }


def symbols_of(feeds: Sequence[Any]) -> dict[Any, str]:
    """A name for each feed, all different: its own, or ``data0`` by its number; a repeated one gets its number.

    >>> class Feed:
    ...     def __init__(self, name):
    ...         self._name = name
    >>> list(symbols_of([Feed("a"), Feed(""), Feed("a")]).values())
    ['a', 'data1', 'a-2']
    """
    names: dict[Any, str] = {}
    for number, feed in enumerate(feeds):
        name = str(getattr(feed, "_name", "") or f"data{number}")
        names[feed] = f"{name}-{number}" if name in names.values() else name
    return names


def described(part: Any) -> dict[str, Any]:
    """The class and the parameters of a part of a Cerebro."""
    if part is None:
        return {"class": "none"}
    names = part.p._getkeys() if hasattr(part, "p") else ()
    return {"class": type(part).__qualname__, "parameters": {name: plain(getattr(part.p, name)) for name in names}}


def plain(value: Any) -> Any:
    """A parameter as a plain value that is the same in every process; an object by the name of its class.

    >>> plain((1, float("inf"), len)), plain(object())
    ([1, 'inf', 'len'], 'object')
    """
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:  # a number of numpy's
        value = value.item()
    if isinstance(value, Spec):
        value = value.dump()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return getattr(value, "__qualname__", type(value).__qualname__)


def source_of(strategy: type) -> tuple[str, dict[str, dict[str, str]]]:
    """SHA-256 of the class's source, and the file that it stands in; empty where Python does not find it."""
    try:
        text = inspect.getsource(strategy)
        file = Path(inspect.getsourcefile(strategy) or "")
        content = "".join(inspect.findsource(strategy)[0])
    except (OSError, TypeError):
        return "", {}
    digests = [hashlib.sha256(item.encode()).hexdigest() for item in (text, content)]
    return digests[0], {file.name: {"sha256": digests[1], "source": content}}
