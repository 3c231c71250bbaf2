"""The folder of a finished sweep."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.config.yaml_text import as_yaml
from engine.run_folder import manifest
from engine.run_folder.run_folder import MANIFEST, Saved, durable, result_digest, staging, write_json
from engine.sweep.judgement.assess import SweepAssessment
from engine.sweep.judgement.sweep_json import sweep_numbers
from engine.sweep.session import SweepSession
from engine.sweep.storage import trials_table
from engine.sweep.storage.file_names import BLOCKS, NUMBERS, PAGE, RESULTS, RETURNS, TABLE, WINNERS
from engine.sweep.storage.sweep_id import sweep_id


def write_results(session: SweepSession, assessment: SweepAssessment, out: Path, log_lines: list[str]) -> Saved:
    """Write the sweep's folder under another name, and rename it into place.

    Parameters
    ----------
    out : where run folders lie.
    log_lines : the content of run.log.
    """
    from engine.sweep.pages.page import write_page

    with staging(out) as stage:
        with session.stopwatch.stage("tables"):
            trials_table.write(session.plan, session.trial_store, session.outputs.names, stage / TABLE)
            _write_sample(assessment, stage)
        write_json(stage / NUMBERS, sweep_numbers(assessment))
        if (session.folder / WINNERS).is_dir():
            (session.folder / WINNERS).rename(stage / WINNERS)  # takes no room; they can be computed again
        with session.stopwatch.stage("page"):
            write_page(assessment, stage / PAGE)
        (stage / "config.yaml").write_text(as_yaml(session.config.dump()), encoding="utf-8")
        write_json(stage / MANIFEST, _manifest(session, result_digest(stage, RESULTS)))
        (stage / "run.log").write_text("".join(f"{line}\n" for line in log_lines), encoding="utf-8")
        return durable(stage, out / session.label)


def _manifest(session: SweepSession, digest: str) -> dict[str, Any]:
    config = session.config
    sweep_plan = session.plan
    accepted = [group for group in sweep_plan.groups.by_key.values() if group.config is not None]
    runs_on_backtrader = all(group.backtrader_reason for group in accepted)
    return {
        "sweep_id": sweep_id(config),
        "config_id": config.id,
        "trials": sweep_plan.count,
        "engine": "backtrader" if runs_on_backtrader else "compiled",
        **manifest.common(config.seed, config.data.digests(), digest, session.stopwatch.seconds),
        "earlier_trials": session.prior.dump(),
    }


def _write_sample(assessment: SweepAssessment, stage: Path) -> None:
    """The returns and the sums of the trials that were selected beforehand, as the tests used them."""
    sample = assessment.sample
    span = assessment.plan.span
    names = [f"trial_{number}" for number in sample.with_returns.tolist()]
    returns = pd.DataFrame(sample.returns, columns=names)
    returns.insert(0, "session", span.sessions)
    returns.to_parquet(stage / RETURNS, compression="zstd", index=False)
    blocks = range(span.blocks)
    columns: dict[str, Any] = {"trial": sample.summed.astype(np.int64)}
    for name in ("total", "squares"):
        values = getattr(sample.sums, name) if sample.sums is not None else np.empty((0, len(blocks)))
        columns |= {f"{name}_{block}": values[: len(sample.summed), block] for block in blocks}
    if sample.sums is None:
        columns["trial"] = columns["trial"][:0]
    pd.DataFrame(columns).to_parquet(stage / BLOCKS, compression="zstd", index=False)
