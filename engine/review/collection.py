"""All that a review shows: the rows of many folders with their marks, leak audits and deflated Sharpe ratios."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import variance
from typing import TYPE_CHECKING

from core.errors import DataError, StoreError

from .columns import COLUMNS
from .find_folders import AUDIT, find_folders
from .index import Step, read_rows
from .marks import Mark, read_mark
from .reviewed import Reviewed
from .row import Refused, ReviewRow

if TYPE_CHECKING:
    import pandas as pd

    from .blend import Blend

MIN_RETURNS = 60
"""Returns below which a run is no trial of the deflated Sharpe ratio."""


@dataclass(frozen=True, repr=False)
class Review:
    """A review.

    Attributes
    ----------
    rows : in the order of their folders.
    refused : folders without figures, and marks that cannot be read.
    made_at : the time of the review, UTC.
    """

    rows: tuple[Reviewed, ...]
    refused: tuple[Refused, ...]
    made_at: datetime

    @property
    def table(self) -> "pd.DataFrame":
        """One row a run, with all columns of the page."""
        import pandas as pd

        return pd.DataFrame({column.key: [column.value(item) for item in self.rows] for column in COLUMNS})

    def correlation(self, *names: str) -> "pd.DataFrame":
        """(K, K) correlations of the weekly returns of runs over the weeks that all of them cover.

        Parameters
        ----------
        names : of the runs: the names in the table, or those of their folders; none: all runs.

        Raises
        ------
        DataError
            An unknown or ambiguous name; fewer than two runs, or than 8 common weeks.
        """
        import pandas as pd

        from .blend import common_weeks

        common = common_weeks(self._named(names))
        return pd.DataFrame(common.correlation, common.names, common.names)

    def blend(self, *names: str) -> "Blend":
        """The equal-risk blend of runs, as the page shows it; parameters and errors as of :meth:`correlation`."""
        from .blend import common_weeks, equal_risk

        return equal_risk(common_weeks(self._named(names)))

    def _named(self, names: Sequence[str]) -> list[ReviewRow]:
        rows = [item.row for item in self.rows]
        return [self._one(rows, name) for name in names] if names else rows

    def _one(self, rows: Sequence[ReviewRow], name: str) -> ReviewRow:
        fitting = [row for row in rows if Path(row.folder).name == name] or [row for row in rows if row.name == name]
        if len(fitting) != 1:
            folders = ", ".join(Path(row.folder).name for row in (fitting or rows)[:5])
            problem = "several runs have that name; give the folder's" if fitting else "no run has that name"
            raise DataError(f"{name!r}: {problem}: {folders}")
        return fitting[0]

    def __repr__(self) -> str:
        return f"<Review of {len(self.rows)} runs and sweeps; {len(self.refused)} folders are not shown>"


def collect(paths: Sequence[Path], *, now: datetime | None = None, on_step: Step = lambda _done, _all: None) -> Review:
    """Read what lies in and below some folders.

    Parameters
    ----------
    paths : folders of runs, sweeps or audits, or folders that contain such.
    now : the time of the review; by default the present.

    Raises
    ------
    StoreError
        A path is no folder, or nothing below the paths is a result.
    """
    results, audits, refused = find_folders(paths)
    read = read_rows(results, on_step)
    rows = [row for row in read if isinstance(row, ReviewRow)]
    refused += [row for row in read if isinstance(row, Refused)]
    moment = now or datetime.now(UTC)
    marks, unreadable = _marks(rows)
    audited = _audited([*audits, *_audit_folders(results)])
    deflated = deflated_sharpes(rows)
    reviewed = (
        Reviewed(
            row,
            mark,
            ratio,
            (moment.date() - date.fromisoformat(row.last)).days,
            audited.get(row.id, row.leaks),
        )
        for row, mark, ratio in zip(rows, marks, deflated, strict=True)
    )
    return Review(tuple(reviewed), (*refused, *unreadable), moment)


def _marks(rows: Sequence[ReviewRow]) -> tuple[list[Mark], list[Refused]]:
    marks: list[Mark] = []
    unreadable: list[Refused] = []
    for row in rows:
        try:
            marks.append(read_mark(Path(row.folder)))
        except StoreError as error:
            marks.append(Mark())
            unreadable.append(Refused(Path(row.folder), f"its mark is not shown: {error.line}"))
    return marks, unreadable


def _audit_folders(results: Sequence[Path]) -> list[Path]:
    """The audit folders beside the results."""
    parents = dict.fromkeys(folder.parent for folder in results)
    entries = [Path(entry.path) for parent in parents for entry in os.scandir(parent) if entry.name.endswith("-audit")]
    return [entry for entry in entries if (entry / AUDIT).is_file()]


def _audited(audits: Sequence[Path]) -> Mapping[str, str]:
    """By config id, the verdict of its leak audit in a few words; audits that cannot be read are left out."""
    verdicts = {}
    for folder in audits:
        try:
            audit = json.loads((folder / AUDIT).read_text(encoding="utf-8"))
            statuses = [check["status"] for check in audit["checks"]]
            battery = "full" if audit["full"] else "quick"
            worst = next((status for status in ("leak", "suspicious") if status in statuses), "clean")
            verdicts[str(audit["config_id"])] = f"{worst} ({battery} audit)"
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return verdicts


def deflated_sharpes(rows: Sequence[ReviewRow]) -> list[float | None]:
    """For each row, the probability that its true Sharpe ratio is above what the best of all rows without skill shows.

    The rows are the trials whatever is filtered afterwards, each id once: their number, and the variance of their
    annual Sharpe ratios, which is converted to the period of each row. A row with fewer than 60 returns is no trial and
    has no ratio: its Sharpe ratio is noise, and would make the variance that of noise. A single trial is not corrected.

    References
    ----------
    Bailey, D. H. and Lopez de Prado, M. (2014), The deflated Sharpe ratio, Journal of Portfolio Management 40(5).
    """
    from risk.measures._track import Track  # the package around it imports pandas

    tracks = [Track(*row.moments) if row.moments and row.moments.n >= MIN_RETURNS else None for row in rows]
    annual = {
        row.id: track.sharpe * row.returns_per_year**0.5 for row, track in zip(rows, tracks, strict=True) if track
    }
    spread = variance(annual.values()) if len(annual) > 1 else 0.0
    return [
        track.deflated(len(annual), spread / row.returns_per_year) if track and track.variance > 0.0 else None
        for row, track in zip(rows, tracks, strict=True)
    ]
