"""The registry of every trial ever scored on these data, of every sweep, aborted ones included.

The deflated Sharpe ratio needs the number of all tries, and it makes no difference whether they were made in one sweep
or in ten. So each sweep writes its trials to a file beside the user's data, and counts those of the other sweeps. A
setting that two spaces reach by different keys counts twice, which is the cautious side.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from core.digests import canonical, digest
from core.files import write_atomically
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
"""Seconds between two writes of a running sweep."""
SCORED = (DONE, RUINED, FAILED)
REQUIRED = ("symbols", "first", "last")
"""Keys that the description of a sweep's file must have."""


@dataclass(frozen=True)
class PriorTrials:
    """The trials of other sweeps on the same symbols and overlapping spans, as they were when a sweep began.

    Attributes
    ----------
    trials : that are not among this sweep's.
    sharpes : the number of them that have a Sharpe ratio.
    mean, squares : of these ratios, per observation; sum of the squares around the mean.
    """

    trials: int
    sharpes: int
    mean: float
    squares: float


def registry_folder() -> Path:
    """The user's data folder, or that of the environment variable BACKTRADER_ML_DATA."""
    from platformdirs import user_data_path

    setting = os.environ.get("BACKTRADER_ML_DATA")
    return (Path(setting) if setting else user_data_path("backtrader-ml")) / "trials"


class TrialRegistry:
    """The file of one sweep in the registry, and the files of the others.

    Parameters
    ----------
    plan : of the sweep.
    name : of its file: its id.
    """

    def __init__(self, plan: Plan, name: str) -> None:
        self._plan = plan
        self._name = name
        self._base = digest(_without(base_values(plan.config), [axis.path for axis in plan.axes]))

    def keys(self, columns: Columns) -> Rows:
        """(P,) a number for each point, the same in every sweep of this config over these keys."""
        paths = sorted(columns)
        ordered = {path: columns[path] for path in paths}
        numbers = [_number(self._base.encode() + canonical(point)) for point in iter_points(ordered)]
        return np.array(numbers, dtype=np.uint64)

    def prior_trials(self) -> PriorTrials:
        """The trials of other sweeps on the same symbols, on spans that overlap with this one's."""
        files = []
        for path, description in self._others():
            if self._overlaps(description):
                files.append(_entries(path))
        if not files:
            return PriorTrials(0, 0, 0.0, 0.0)
        entries = np.concatenate(files)
        entries = entries[np.unique(entries["key"], return_index=True)[1]]
        entries = entries[~np.isin(entries["key"], self._planned_keys())]
        sharpes = entries["sharpe"][np.isfinite(entries["sharpe"])]
        mean = float(sharpes.mean()) if len(sharpes) else 0.0
        return PriorTrials(len(entries), len(sharpes), mean, float(((sharpes - mean) ** 2).sum()))

    def warn_of_opened_holdout(self) -> None:
        """Warn if other sweeps have used bars that this one holds out, in their trials or by opening a holdout."""
        holdout = self._plan.spec.holdout
        if holdout is None:
            return
        names: set[str] = set()
        for _, description in self._others():
            has_seen = description["last"] > holdout.isoformat() or description.get("holdout")
            if self._shares_symbols(description) and has_seen:
                names.add(str(description.get("name")))
        if names:
            sweeps = ", ".join(sorted(names))
            log.warning("bars after %s were seen before, by %s: they are no holdout any more", holdout, sweeps)

    def write(self, ranking: TrialRanking, point: Callable[[int], Mapping[str, Any]] | None, per_year: float) -> None:
        """Write every trial that was scored so far; an error is logged as a warning.

        Parameters
        ----------
        point : returns the point of a trial's number; needed where points do not follow from numbers.
        per_year : observations in a year.
        """
        scored = np.flatnonzero(np.isin(ranking.status, SCORED))
        entries = np.empty(len(scored), dtype=ENTRY)
        entries["sharpe"] = ranking.sharpe[scored] / np.sqrt(per_year)
        for window in index_windows(len(scored)):
            entries["key"][window] = self.keys(self._columns(scored[window], point))
        try:
            self._put(entries.tobytes())
        except OSError as error:
            log.warning("the trials cannot be written down in %s: %s", registry_folder(), error)

    @contextmanager
    def updated(
        self,
        ranking: TrialRanking,
        point: Callable[[int], Mapping[str, Any]],
        per_year: float,
        on_progress: ProgressCallback,
    ) -> Iterator[ProgressCallback]:
        """Write the trials now and then, and when the sweep ends, also by an error; parameters as :meth:`write`.

        Yields
        ------
        The callback to use instead of ``on_progress``.
        """
        last = monotonic()

        def write_on_progress(step: Progress) -> None:
            nonlocal last
            on_progress(step)
            if monotonic() - last > PAUSE:
                self.write(ranking, point, per_year)
                last = monotonic()

        try:
            yield write_on_progress
        finally:
            self.write(ranking, point, per_year)

    def _columns(self, trials: Rows, point: Callable[[int], Mapping[str, Any]] | None) -> Columns:
        if self._plan.points is not None:
            return self._plan.points.columns(trials)
        assert point is not None  # noqa: S101 - documented
        points = [point(number) for number in trials.tolist()]
        return {axis.path: [values[axis.path] for values in points] for axis in self._plan.axes}

    def _put(self, content: bytes) -> None:
        folder = registry_folder()
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, data in ((".bin", content), (".json", json.dumps(self._description()).encode())):
            write_atomically(folder / f"{self._name}{suffix}", data)

    def _description(self) -> dict[str, Any]:
        """Symbols, span, name and holdout of this sweep, for the others."""
        sessions = self._plan.span.sessions
        description = {
            "symbols": list(self._plan.market.trade),
            "first": f"{sessions[0]:%F}",
            "last": f"{sessions[-1]:%F}",
            "name": self._plan.config.name,
        }
        if self._plan.spec.holdout:
            description["holdout"] = self._plan.spec.holdout.isoformat()
        return description

    def _planned_keys(self) -> Rows:
        """The keys of this sweep's trials; none where points do not follow from numbers."""
        points = self._plan.points
        if points is None:
            return np.empty(0, dtype=np.uint64)
        return np.concatenate([self.keys(points.columns(trials)) for trials in index_windows(points.count)])

    def _others(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """The files of other sweeps and their descriptions."""
        for path in sorted(registry_folder().glob("*.json")):
            if path.stem != self._name:
                try:
                    description = json.loads(path.read_text(encoding="utf-8"))
                    required = {name: description[name] for name in REQUIRED}
                    yield path.with_suffix(".bin"), {**description, **required}
                except (OSError, ValueError, KeyError, TypeError) as error:
                    log.warning("%s: cannot be read: %s", path, error)

    def _overlaps(self, description: dict[str, Any]) -> bool:
        sessions = self._plan.span.sessions
        return (
            self._shares_symbols(description)
            and description["first"] <= f"{sessions[-1]:%F}"
            and description["last"] >= f"{sessions[0]:%F}"
        )

    def _shares_symbols(self, description: dict[str, Any]) -> bool:
        return bool(set(description["symbols"]) & set(self._plan.market.trade))


def dump(prior: PriorTrials) -> dict[str, Any]:
    """A plain mapping for the journal and the manifest."""
    return asdict(prior)


def pooled_variance(sharpes: Vector, prior: PriorTrials) -> float:
    """The variance (ddof 1) of this sweep's and prior trials' Sharpe ratios, taken together."""
    finite = sharpes[np.isfinite(sharpes)]
    count = len(finite) + prior.sharpes
    if count < 2:
        return 0.0
    mean = float(finite.mean()) if len(finite) else 0.0
    between = (mean - prior.mean) ** 2 * len(finite) * prior.sharpes / count
    return float((((finite - mean) ** 2).sum() + prior.squares + between) / (count - 1))


def _entries(path: Path) -> Any:
    """The entries of a sweep's file; an incomplete last one is left out."""
    try:
        content = path.read_bytes()
    except OSError:
        return np.empty(0, dtype=ENTRY)
    return np.frombuffer(content[: len(content) // ENTRY.itemsize * ENTRY.itemsize], dtype=ENTRY)


def _number(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _without(values: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """A config without the keys that trials change, its name, and the keys that change no result."""
    rest = {key: item for key, item in values.items() if key not in ("name", "report", "engine", "workers")}
    for path in paths:
        _drop(rest, path.split("."))
    return rest


def _drop(holder: Any, path: list[str]) -> None:
    """Remove a key from nested mappings; inner mappings are copied first."""
    inner = holder.get(path[0]) if isinstance(holder, dict) else None
    if len(path) == 1 and isinstance(holder, dict):
        holder.pop(path[0], None)
    elif isinstance(inner, dict):
        holder[path[0]] = dict(inner)
        _drop(holder[path[0]], path[1:])
