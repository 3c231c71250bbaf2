"""The folder of a finished sweep."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.config.yaml_text import as_yaml
from engine.pipeline import Stopwatch
from engine.run_folder import manifest
from engine.run_folder.run_folder import MANIFEST, Saved, durable, result_digest, staging, write_json
from engine.sweep.judgement.assess import SweepAssessment
from engine.sweep.judgement.sweep_json import dump
from engine.sweep.storage import sweep_folder, trial_registry, trials_table
from engine.sweep.storage.file_names import BLOCKS, NUMBERS, PAGE, RESULTS, RETURNS, TABLE
from engine.sweep.storage.sweep_id import sweep_id
from engine.sweep.storage.trial_registry import PriorTrials
from engine.sweep.storage.trial_store import TrialStore
from engine.sweep.trials.compiled_trials import TrialOutputs

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig


@dataclass(frozen=True, eq=False)
class ResultsInput:
    """What a sweep's folder is written of."""

    found: SweepAssessment
    config: "RunConfig"
    folder: Path
    records: TrialStore
    wants: TrialOutputs
    watch: Stopwatch
    lines: list[str]
    earlier: PriorTrials


def write_results(paper: ResultsInput, out: Path) -> Saved:
    """Write the sweep's folder beside, and rename it into place."""
    from engine.sweep.pages.page import write_page

    found, config, folder, watch = paper.found, paper.config, paper.folder, paper.watch
    with staging(out) as stage:
        with watch.stage("tables"):
            trials_table.write(found.plan, paper.records, paper.wants.names, stage / TABLE)
            _write_sample(found, stage)
        numbers = dump(found)
        write_json(stage / NUMBERS, numbers)
        if (folder / sweep_folder.WINNERS).is_dir():
            (folder / sweep_folder.WINNERS).rename(
                stage / sweep_folder.WINNERS
            )  # takes no room; they can be made again
        with watch.stage("page"):
            write_page(found, stage / PAGE)
        (stage / "config.yaml").write_text(as_yaml(config.dump()), encoding="utf-8")
        result = result_digest(stage, RESULTS)
        write_json(stage / MANIFEST, _manifest(found, config, result, watch, paper.earlier))
        (stage / "run.log").write_text("".join(f"{line}\n" for line in paper.lines), encoding="utf-8")
        return durable(stage, out / found.label)


def _manifest(
    found: SweepAssessment, config: "RunConfig", result: str, watch: Stopwatch, earlier: PriorTrials
) -> dict[str, Any]:
    common = manifest.common(config.seed, config.data.digests(), result, watch.seconds)
    slow = all(group.backtrader_reason for group in found.plan.groups.by_key.values() if group.config is not None)
    mine = {"sweep_id": sweep_id(config), "config_id": config.id, "trials": found.plan.count}
    mine["engine"] = "backtrader" if slow else "compiled"
    return {**mine, **common, "earlier_trials": trial_registry.dumped(earlier)}


def _write_sample(found: SweepAssessment, stage: Path) -> None:
    """The returns and the sums that the tests were made of."""
    sample, days = found.sample, found.plan.span.sessions
    names = [f"trial_{number}" for number in sample.kept.tolist()]
    returns = pd.DataFrame(sample.returns, columns=names)
    returns.insert(0, "session", days)
    returns.to_parquet(stage / RETURNS, compression="zstd", index=False)
    blocks = range(found.plan.span.blocks)
    columns: dict[str, Any] = {"trial": sample.summed.astype(np.int64)}
    for name in ("total", "squares"):
        values = getattr(sample.sums, name) if sample.sums is not None else np.empty((0, len(blocks)))
        columns |= {f"{name}_{block}": values[: len(sample.summed), block] for block in blocks}
    if sample.sums is None:
        columns["trial"] = columns["trial"][:0]
    pd.DataFrame(columns).to_parquet(stage / BLOCKS, compression="zstd", index=False)
