"""Records of an earlier version: a description of each sweep beside its trials, by the names of its symbols."""

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .tried_data import TriedSpan

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NamedRecord:
    """A sweep that an earlier version recorded.

    Attributes
    ----------
    id : of the sweep.
    name : of its config.
    path : of the file of its trials.
    symbols : the names of the symbols that it traded.
    first, last : ISO dates of the sessions that its trials saw.
    holdout : the last date before the holdout that it opened; empty if it had none.
    """

    id: str
    name: str
    path: Path
    symbols: tuple[str, ...]
    first: str
    last: str
    holdout: str = ""

    def overlaps(self, span: TriedSpan) -> bool:
        """True if it traded a symbol of the same name on an overlapping span."""
        return self._shares_symbols(span) and self.first <= span.last and self.last >= span.first

    def opened(self, span: TriedSpan) -> bool:
        """True if it opened a holdout on a symbol of the same name: the end of that holdout is not known."""
        return bool(self.holdout) and self._shares_symbols(span) and self.holdout < span.last

    def _shares_symbols(self, span: TriedSpan) -> bool:
        return not set(self.symbols).isdisjoint(span.data.symbols)


def named_records(folder: Path, recorded: Collection[str]) -> tuple[NamedRecord, ...]:
    """The records in a folder, less those of sweeps that the ledger holds; one that cannot be read is a warning."""
    records = []
    for path in sorted(folder.glob("*.json")):
        if path.stem not in recorded:
            try:
                records.append(_record(path))
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("%s: cannot be read: %s", path, error)
    return tuple(records)


def _record(path: Path) -> NamedRecord:
    values = json.loads(path.read_text(encoding="utf-8"))
    symbols = tuple(values["symbols"])
    return NamedRecord(
        id=path.stem,
        name=str(values.get("name")),
        path=path.with_suffix(".bin"),
        symbols=symbols,
        first=str(values["first"]),
        last=str(values["last"]),
        holdout=str(values.get("holdout") or ""),
    )
