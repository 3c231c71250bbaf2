"""Rewrite the golden run: ``make golden``. The difference belongs in the review."""

import json
from pathlib import Path
from typing import Any

from engine.pipeline import compute
from engine.results.metrics_json import metrics
from engine.run_folder.result_files import folds
from engine.sweep.load_config import load

HERE = Path(__file__).parent
GOLDEN = HERE / "small.json"


def small() -> dict[str, Any]:
    """What the golden config gives today."""
    outcome = compute(load(HERE / "small.yaml"))
    fills = outcome.result.fills.assign(time=outcome.result.fills["time"].astype("str"))
    found = {"metrics": metrics(outcome), "folds": folds(outcome), "fills": fills.tail(5).to_dict("records")}
    plain: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    return plain


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(small(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
