"""Run folders as a run writes them, made without a run from drawn or given returns."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from core.digests import digest, file_digest
from engine.run_folder.run_folder import RESULT_FILES, result_digest

VERDICT = "no evidence of skill"
EMPTY_TABLES = [name for name in RESULT_FILES if name.endswith(".parquet")]


def make_run(
    out: Path,
    name: str = "walk",
    *,
    seed: int = 0,
    sessions: int = 260,
    start: str = "2020-01-01",
    drift: float = 0.0003,
    deviation: float = 0.01,
    tries: int | None = 3,
    config: dict | None = None,
    returns: np.ndarray | None = None,
    symbols: tuple[str, ...] = ("AAA",),
) -> Path:
    """Write a run folder whose daily returns are normal, or those given."""
    rng = np.random.default_rng(seed)
    days = pd.bdate_range(start, periods=sessions, name="session")
    strategy = rng.normal(drift, deviation, sessions) if returns is None else np.asarray(returns, float)
    table = pd.DataFrame(
        {"strategy": strategy, "benchmark": rng.normal(0.0002, 0.012, sessions)}, index=days[: len(strategy)]
    )
    table["benchmark_at_exposure"] = 0.4 * table["benchmark"]
    settings = {
        "name": name,
        "seed": seed,
        "data": {"symbols": list(symbols)},
        "risk": {"base": 0.02},
        **(config or {}),
    }
    identity = digest(settings)[:12]
    folder = out / f"{name[:40].replace('/', '_')}-{identity}"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    for file in EMPTY_TABLES:
        pd.DataFrame({"empty": []}).to_parquet(folder / file)
    (folder / "folds.json").write_text("[]")
    (folder / "metrics.json").write_text(json.dumps(_metrics(table, identity, symbols)))
    table.to_parquet(folder / "returns.parquet")
    for page in ("report.html", "tearsheet.html"):
        (folder / page).write_text(f"<!doctype html><title>{page} of the run</title><p>{page}</p>")
    manifest = {
        "config_id": identity,
        "engine": "compiled",
        "format": 1,
        "made_at": f"2026-11-{1 + seed % 28:02d}T12:00:00+00:00",
        "result_digest": result_digest(folder),
        "returns_digest": file_digest(folder / "returns.parquet"),
        "code_digest": "c" * 64,
        "tried": None
        if tries is None
        else {"settings": tries, "deflated_sharpe": {"value": 1 / (1 + tries), "reason": ""}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def _metrics(table: pd.DataFrame, identity: str, symbols: tuple[str, ...]) -> dict:
    strategy = table["strategy"].to_numpy()
    wealth = np.cumprod(1 + strategy)
    numbers = {
        "total_return": wealth[-1] - 1,
        "cagr": wealth[-1] ** (252 / len(strategy)) - 1 if wealth[-1] > 0 else None,
        "volatility": strategy.std(ddof=1) * 252**0.5 if len(strategy) > 1 else None,
        "sharpe": strategy.mean() / strategy.std(ddof=1) * 252**0.5 if np.ptp(strategy) > 0 else None,
        "max_drawdown": (wealth / np.maximum.accumulate(np.maximum(wealth, 1.0)) - 1).min(),
        "average_exposure": 0.3,
        "cost_drag": 0.001,
        "turnover": 1.5,
    }
    measured = {
        name: {"value": None if value is None else float(value), "unit": "ratio", "reason": ""}
        for name, value in numbers.items()
    }
    return {
        "config_id": identity,
        "symbols": list(symbols),
        "benchmark": "INDEX",
        "span": {
            "first_session": f"{table.index[0]:%F}",
            "last_session": f"{table.index[-1]:%F}",
            "sessions": len(table),
        },
        "risk_free": 0.0,
        "periods_per_year": 252,
        "period": "day",
        "measures": {"strategy": measured, "benchmark_at_exposure": {"cagr": {"value": 0.0321, "unit": "fraction"}}},
        "leak_checks": [{"status": "clean"}],
        "verdict": {"headline": VERDICT, "beats": False},
    }
