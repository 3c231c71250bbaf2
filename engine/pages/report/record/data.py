"""The data that the run saw, what the checks found, and the whole config."""

from typing import Any

from core.clock import sessions
from core.digests import frame_digest
from core.types import Bars
from engine.config.yaml_text import as_yaml
from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome

from .config_differences import differences

ORDER = 90


def section(outcome: Outcome) -> Section:
    """A line a symbol with the digest of its checked bars; notes; the resolved config."""
    market = outcome.market
    symbols = [_symbol(bars, bars.symbol in market.trade, market.zone) for bars in market.bars.values()]
    first, last = outcome.span
    return fill(
        "data.html",
        "Data and config",
        symbols=symbols,
        market=market,
        notes=outcome.notes,
        first=first.isoformat(),
        last=last.isoformat(),
        config=as_yaml(dict(outcome.config)),
        changed=differences(outcome.config),
        recorded=outcome.is_recording,
    )


def _symbol(bars: Bars, traded: bool, zone: str) -> dict[str, Any]:
    days = sessions(bars.times[[0, -1]], zone)
    return {
        "name": bars.symbol,
        "traded": "yes" if traded else "no",
        "bars": len(bars),
        "first": f"{days[0]:%F}",
        "last": f"{days[-1]:%F}",
        "digest": frame_digest(bars.frame),
    }
