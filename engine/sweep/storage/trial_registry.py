"""How often these data have been asked before: every trial ever scored, of every sweep, aborted ones included.

The best of many tries looks good by luck alone, and it makes no difference to luck whether the tries were made in one
sweep or in ten. So each sweep writes its trials down beside the user's data, and counts those of the others. A setting
that two spaces reach by different keys counts twice, which is the cautious side.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from core.digests import canonical, digest
from core.progress import Progress, ProgressCallback
from core.types import Rows, Vector
from engine.sweep.space.dimensions import Columns, iter_points
from engine.sweep.space.index_windows import index_windows
from engine.sweep.space.space_check import base_values
from engine.sweep.trials.plan import Plan
from engine.sweep.trials.ranking import TrialRanking
from engine.sweep.trials.trial_scores import DONE, FAILED, RUINED

log = logging.getLogger(__name__)

ENTRY = np.dtype([("key", "<u8"), ("sharpe", "<f8")])
PAUSE = 60.0
"""Seconds between two entries of a sweep that is running."""
SCORED = (DONE, RUINED, FAILED)


@dataclass(frozen=True)
class PriorTrials:
    """The trials of other sweeps on the same symbols and overlapping spans, as they were when a sweep began.

    Attributes
    ----------
    trials : that this sweep does not try as well.
    sharpes : how many of them have a Sharpe ratio.
    mean, squares : of these ratios, per observation; sum of the squares around the mean.
    """

    trials: int
    sharpes: int
    mean: float
    squares: float


def registry_folder() -> Path:
    """In the user's data folder, or where the environment variable BACKTRADER_ML_DATA says."""
    from platformdirs import user_data_path

    given = os.environ.get("BACKTRADER_ML_DATA")
    return (Path(given) if given else user_data_path("backtrader-ml")) / "trials"


class TrialRegistry:
    """The book of one sweep, and what the others' say.

    Parameters
    ----------
    plan : of the sweep.
    name : of its book: its id.
    """

    def __init__(self, plan: Plan, name: str) -> None:
        self._plan, self._name = plan, name
        self._base = digest(_without(base_values(plan.config), [axis.path for axis in plan.axes]))

    def keys(self, columns: Columns) -> Rows:
        """A number for each point, the same in every sweep of this config over these keys."""
        paths = sorted(columns)
        ordered = {path: columns[path] for path in paths}
        own = [_number(self._base.encode() + canonical(point)) for point in iter_points(ordered)]
        return np.array(own, dtype=np.uint64)

    def earlier(self) -> PriorTrials:
        """What other sweeps have tried on the same symbols, on spans that overlap with this one's."""
        found = [entries for path, about in self._others() if self._overlaps(about) for entries in [_entries(path)]]
        if not found:
            return PriorTrials(0, 0, 0.0, 0.0)
        entries = np.concatenate(found)
        entries = entries[np.unique(entries["key"], return_index=True)[1]]
        entries = entries[~np.isin(entries["key"], self._own())]
        sharpes = entries["sharpe"][np.isfinite(entries["sharpe"])]
        mean = float(sharpes.mean()) if len(sharpes) else 0.0
        return PriorTrials(len(entries), len(sharpes), mean, float(((sharpes - mean) ** 2).sum()))

    def warn_of_opened_holdout(self) -> None:
        """Say which other sweeps have seen bars that this one holds out, in their trials or by opening a holdout."""
        own = self._plan.spec.holdout
        if own is None:
            return
        theirs = (about for _, about in self._others() if self._shares(about))
        seen = {str(about.get("name")) for about in theirs if about["last"] > own.isoformat() or about.get("holdout")}
        if seen:
            told = ", ".join(sorted(seen))
            log.warning("bars after %s were seen before, by %s: they are no holdout any more", own, told)

    def write(self, board: TrialRanking, point: Any, per_year: float) -> None:
        """Write down every trial that was scored so far; trouble is a warning.

        Parameters
        ----------
        point : gives the point of a trial's number.
        per_year : observations in a year.
        """
        scored = np.flatnonzero(np.isin(board.status, SCORED))
        entries = np.empty(len(scored), dtype=ENTRY)
        entries["sharpe"] = board.sharpe[scored] / np.sqrt(per_year)
        for window in index_windows(len(scored)):
            numbers = scored[window]
            entries["key"][window] = self.keys(self._columns(numbers, point))
        try:
            self._put(entries.tobytes())
        except OSError as error:
            log.warning("the trials cannot be written down in %s: %s", registry_folder(), error)

    @contextmanager
    def kept_up(
        self, board: TrialRanking, point: Any, per_year: float, on_progress: ProgressCallback
    ) -> Iterator[ProgressCallback]:
        """Write the trials down now and then, and when the sweep ends, however it ends; parameters as :meth:`write`.

        Yields
        ------
        What is to be told of progress instead of ``on_progress``.
        """
        last = monotonic()

        def tell(step: Progress) -> None:
            nonlocal last
            on_progress(step)
            if monotonic() - last > PAUSE:
                self.write(board, point, per_year)
                last = monotonic()

        try:
            yield tell
        finally:
            self.write(board, point, per_year)

    def _columns(self, numbers: Rows, point: Any) -> Columns:
        if self._plan.points is not None:
            return self._plan.points.columns(numbers)
        points = [point(number) for number in numbers.tolist()]
        return {axis.path: [each[axis.path] for each in points] for axis in self._plan.axes}

    def _put(self, content: bytes) -> None:
        folder = registry_folder()
        folder.mkdir(parents=True, exist_ok=True)
        days = self._plan.span.sessions
        about = {"symbols": list(self._plan.market.trade), "first": f"{days[0]:%F}", "last": f"{days[-1]:%F}"}
        about["name"] = self._plan.config.name
        if self._plan.spec.holdout:
            about["holdout"] = self._plan.spec.holdout.isoformat()
        for suffix, data in ((".bin", content), (".json", json.dumps(about).encode())):
            part = folder / f"{self._name}{suffix}.{os.getpid()}"
            part.write_bytes(data)
            part.replace(folder / f"{self._name}{suffix}")

    def _own(self) -> Rows:
        """The keys of the trials to come, as far as they are known."""
        points = self._plan.points
        if points is None:
            return np.empty(0, dtype=np.uint64)
        return np.concatenate([self.keys(points.columns(numbers)) for numbers in index_windows(points.count)])

    def _others(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in sorted(registry_folder().glob("*.json")):
            if path.stem != self._name:
                try:
                    about = json.loads(path.read_text(encoding="utf-8"))
                    yield path.with_suffix(".bin"), {name: about[name] for name in ("symbols", "first", "last")}
                except (OSError, ValueError, KeyError, TypeError) as error:
                    log.warning("%s: cannot be read: %s", path, error)

    def _overlaps(self, about: dict[str, Any]) -> bool:
        days = self._plan.span.sessions
        return self._shares(about) and about["first"] <= f"{days[-1]:%F}" and about["last"] >= f"{days[0]:%F}"

    def _shares(self, about: dict[str, Any]) -> bool:
        return bool(set(about["symbols"]) & set(self._plan.market.trade))


def dumped(earlier: PriorTrials) -> dict[str, Any]:
    """For the journal and the manifest."""
    return asdict(earlier)


def pooled_variance(sharpes: Vector, earlier: PriorTrials) -> float:
    """The variance (ddof 1) of this sweep's and earlier trials' Sharpe ratios, taken together."""
    own = sharpes[np.isfinite(sharpes)]
    count = len(own) + earlier.sharpes
    if count < 2:
        return 0.0
    mean = float(own.mean()) if len(own) else 0.0
    apart = (mean - earlier.mean) ** 2 * len(own) * earlier.sharpes / count
    return float((((own - mean) ** 2).sum() + earlier.squares + apart) / (count - 1))


def _entries(path: Path) -> Any:
    """The entries of a book; a cut-off last one is left out."""
    try:
        content = path.read_bytes()
    except OSError:
        return np.empty(0, dtype=ENTRY)
    return np.frombuffer(content[: len(content) // ENTRY.itemsize * ENTRY.itemsize], dtype=ENTRY)


def _number(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _without(values: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """A config without what trials change, its name, and what changes no result."""
    left = {key: item for key, item in values.items() if key not in ("name", "report", "engine", "workers")}
    for path in paths:
        _drop(left, path.split("."))
    return left


def _drop(holder: Any, path: list[str]) -> None:
    inner = holder.get(path[0]) if isinstance(holder, dict) else None
    if len(path) == 1 and isinstance(holder, dict):
        holder.pop(path[0], None)
    elif isinstance(inner, dict):
        holder[path[0]] = dict(inner)
        _drop(holder[path[0]], path[1:])
