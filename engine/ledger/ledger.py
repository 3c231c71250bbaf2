"""The ledger: records of every setting tried, found again by the content of the data.

The deflated Sharpe ratio needs the number of all tries; it makes no difference whether they were made in one sweep, in
ten, or by hand. Each finished run and audit is one line. A sweep has a line when it begins and one when it ends; its
trials lie in a file of their own, whose digest the last line holds.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cached_property
from os import environ
from pathlib import Path
from typing import Any

import numpy as np

from core.digests import file_digest
from core.files import write_atomically

from .chain import FAULT, Chain, append, read_chain
from .named_records import NamedRecord, named_records
from .settings import ENTRY, Entries, distinct, key_of
from .tried_data import TriedData, TriedSpan, overlap

log = logging.getLogger(__name__)

RUN, AUDIT, SWEEP, HOLDOUT, DATA = ("run", "audit", "sweep", "holdout", "data")
TRIED = (RUN, AUDIT, SWEEP)
_folder: ContextVar[Path | None] = ContextVar("folder", default=None)


def ledger_folder() -> Path:
    """The folder given to :func:`use_folder`, that of the variable BACKTRADER_ML_DATA, or the user's data folder."""
    from platformdirs import user_data_path

    setting = environ.get("BACKTRADER_ML_DATA")
    return _folder.get() or (Path(setting) if setting else user_data_path("backtrader-ml"))


@contextmanager
def use_folder(folder: Path | None) -> Iterator[None]:
    """A block in which another folder holds the ledger; None changes nothing."""
    token = _folder.set(folder or _folder.get())
    try:
        yield
    finally:
        _folder.reset(token)


class Ledger:
    """The records in one folder, as they were when this object was made or last written to.

    A folder that cannot be read or written is a warning: no run fails for it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or ledger_folder()
        self.chain = self._read()

    @property
    def path(self) -> Path:
        """The file of lines."""
        return self.folder / "ledger.jsonl"

    @property
    def trials_folder(self) -> Path:
        """The folder of the files of sweeps' trials."""
        return self.folder / "trials"

    @cached_property
    def named(self) -> tuple[NamedRecord, ...]:
        """Sweeps of an earlier version, which name their symbols instead of their data."""
        return named_records(self.trials_folder, {str(line["setting"]) for line in self._lines(SWEEP)})

    def record(self, kind: str, setting: str, name: str, span: TriedSpan, **content: Any) -> None:
        """Add a line, and before it one with the data unless the ledger has them.

        Parameters
        ----------
        kind : one of :data:`TRIED`, or :data:`HOLDOUT`: a sweep opened its holdout.
        setting : the id of the config or the sweep; equal ids are one setting.
        content : further values of the line.
        """
        entry = {
            "kind": kind,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "setting": setting,
            "name": name,
            "data": span.data.digest,
            "first": span.first,
            "last": span.last,
            **content,
        }
        try:
            self._append(span.data, entry)
        except OSError as error:
            log.warning("the ledger cannot be written: %s: %s", error.filename or self.path, error.strerror or error)

    def write_trials(self, sweep: str, entries: Entries) -> str:
        """Write the trials of a sweep so far; the digest of the file.

        Raises
        ------
        OSError
            It cannot be written.
        """
        self.trials_folder.mkdir(parents=True, exist_ok=True)
        path = self._trials_file(sweep)
        write_atomically(path, entries.tobytes())
        return file_digest(path)

    def overlapping(self, span: TriedSpan, kinds: Sequence[str] = TRIED) -> list[Mapping[str, Any]]:
        """The lines of these kinds whose sessions overlap with a span of the same data."""
        shared = {digest: span.data.shared_periods(data) for digest, data in self._data().items()}
        dates = (span.first, span.last)
        return [
            line
            for line in self._lines(*kinds)
            if overlap(shared.get(str(line["data"]), ()), (str(line["first"]), str(line["last"])), dates)
        ]

    def settings(self, span: TriedSpan, but_sweep: str = "") -> Entries:
        """Every setting tried on a span, each once.

        Parameters
        ----------
        but_sweep : the id of a sweep whose trials do not count.
        """
        lines = self.overlapping(span)
        sweeps = {str(line["setting"]) for line in lines if line["kind"] == SWEEP} - {but_sweep}
        older = [item for item in self.named if item.id != but_sweep and item.overlaps(span)]
        single = [(_line_key(line), _sharpe(line)) for line in lines if line["kind"] != SWEEP]
        return distinct(
            [
                np.array(single, dtype=ENTRY),
                *(read_entries(self._trials_file(sweep)) for sweep in sorted(sweeps)),
                *(read_entries(item.path) for item in older),
            ]
        )

    def settings_with(self, key: int, sharpe: float | None, span: TriedSpan) -> Entries:
        """Every setting tried on a span, a run's own included, also where the ledger could not be written."""
        entry = np.array([(key, np.nan if sharpe is None else sharpe)], dtype=ENTRY)
        return distinct([entry, self.settings(span)])

    def remarks(self, span: TriedSpan) -> tuple[str, ...]:
        """Sentences on what makes a count uncertain: faults of the file, records that name no data."""
        faults = (
            f"The ledger is damaged ({self.chain.faults[0]}): more may have been tried." if self.chain.faults else ""
        )
        older = sum(item.overlaps(span) for item in self.named)
        by_name = (
            f"{older} of the sweeps counted {'was' if older == 1 else 'were'} recorded by an earlier version, and "
            "matched by the symbols' names alone."
        )
        return tuple(text for text in (faults, by_name if older else "") if text)

    def faults(self) -> list[str]:
        """Every fault: of the lines, and of the files of trials whose digest a line holds."""
        last = {str(line["setting"]): line for line in self._lines(SWEEP)}
        changed = [
            f"line {line['line']}: the trials of {line['name']} ({sweep}.bin) are missing or changed"
            for sweep, line in last.items()
            if line.get("file") and _digest_or_none(self._trials_file(sweep)) != line["file"]
        ]
        return [*self.chain.faults, *changed]

    def _append(self, data: TriedData, entry: Mapping[str, Any]) -> None:
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "ledger.lock"):
            self.chain = read_chain(self.path)
            block = {
                "kind": DATA,
                "data": data.digest,
                "symbols": list(data.symbols),
                "blocks": {period: list(blocks) for period, blocks in data.blocks.items()},
            }
            append(self.path, [entry] if data.digest in self._data() else [block, entry])
            self.chain = read_chain(self.path)

    def _read(self) -> Chain:
        try:
            return read_chain(self.path)
        except OSError as error:
            log.warning("the ledger cannot be read: %s: %s", error.filename, error.strerror)
            return Chain((), 0, "", ("it cannot be read",))

    def _lines(self, *kinds: str) -> Iterator[Mapping[str, Any]]:
        required = {"setting", "data", "first", "last", "name"}
        return (line for line in self.chain.lines if line["kind"] in kinds and required <= line.keys())

    def _data(self) -> dict[str, TriedData]:
        """The data that lines refer to, by digest."""
        lines = (line for line in self.chain.lines if line["kind"] == DATA and {"data", "blocks"} <= line.keys())
        return {
            str(line["data"]): TriedData(
                tuple(line.get("symbols", ())), {period: tuple(blocks) for period, blocks in line["blocks"].items()}
            )
            for line in lines
        }

    def _trials_file(self, sweep: str) -> Path:
        return self.trials_folder / f"{sweep}.bin"


def run_key(setting: str, code: str = "") -> int:
    """The key of a run's setting: of the id of its config, and of the user's own code in it, if there is any."""
    return key_of(b"config " + setting.encode() + (b" code " + code.encode() if code else b""))


def _line_key(line: Mapping[str, Any]) -> int:
    """The key of a line of a run or an audit; lines of earlier versions hold no code."""
    return run_key(str(line["setting"]), str(line.get("code", "")))


def read_entries(path: Path) -> Entries:
    """The trials of a sweep's file; an incomplete last one is left out, a missing file has none."""
    try:
        content = path.read_bytes()
    except OSError:
        return np.empty(0, dtype=ENTRY)
    return np.frombuffer(content[: len(content) // ENTRY.itemsize * ENTRY.itemsize], dtype=ENTRY)


def _sharpe(line: Mapping[str, Any]) -> float:
    value = line.get("sharpe")
    return float(value) if isinstance(value, int | float) else np.nan


def _digest_or_none(path: Path) -> str | None:
    try:
        return file_digest(path)
    except OSError:
        return None


__all__ = [
    "AUDIT",
    "DATA",
    "FAULT",
    "HOLDOUT",
    "RUN",
    "SWEEP",
    "TRIED",
    "Ledger",
    "ledger_folder",
    "run_key",
    "use_folder",
]
