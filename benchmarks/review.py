"""How fast a review of many runs is: reading folders, listing them from the index, size of the page, opening it.

    python benchmarks/review.py --runs 1000

makes run folders with drawn returns over five years in a temporary folder, and measures whole processes: the first
review (reads every folder), `list runs` (from the index), and the time until a headless Chromium shows the table,
has it sorted by the Sharpe ratio, filtered by it, and has ten runs laid over each other.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from core.digests import digest, file_digest
from engine.review.index import NAME
from engine.run_folder.run_folder import RESULT_FILES, result_digest

ROOT = Path(__file__).resolve().parents[1]
SESSIONS = 1260
REPEATS = 5


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="Use this folder, and leave it there; else a temporary one.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = options.folder or Path(temporary) / "runs"
        if not out.exists():
            generate(out, options.runs)
        measure(out, options.runs)


def generate(out: Path, runs: int) -> None:
    """Run folders with the files of a run; the tables that a review does not read are empty."""
    days = pd.bdate_range("2019-01-01", periods=SESSIONS, name="session")
    template = out.parent / "template"
    template.mkdir(parents=True)
    for name in RESULT_FILES:
        path = template / name
        pd.DataFrame({"empty": []}).to_parquet(path) if name.endswith("parquet") else path.write_text("[]")
    for number in range(runs):
        rng = np.random.default_rng(number)
        returns = rng.normal(2e-4 * rng.normal(), 0.004 + 0.01 * rng.random(), SESSIONS)
        _folder(
            out,
            number,
            pd.DataFrame({"strategy": returns, "benchmark_at_exposure": 0.5 * returns}, index=days),
            template,
        )
    shutil.rmtree(template)


def _folder(out: Path, number: int, table: pd.DataFrame, template: Path) -> None:
    config = {
        "name": f"sweep-{number % 40}",
        "seed": number,
        "strategy": {"kind": "threshold", "entry": number % 17 / 1e4, "exit": number % 5 / 1e4},
        "risk": {"base": 0.02, "cap": 0.05, "stop": {"kind": "atr", "multiple": 1 + number % 4}},
        **{f"block{block}": {f"key{key}": key for key in range(12)} for block in range(10)},
    }
    identity = digest(config)[:12]
    folder = out / f"{config['name']}-{identity}"
    shutil.copytree(template, folder)
    (folder / "config.yaml").write_text(json.dumps(config))
    (folder / "metrics.json").write_text(json.dumps(_metrics(table, identity)))
    table.to_parquet(folder / "returns.parquet")
    manifest = {
        "config_id": identity,
        "engine": "compiled",
        "format": 1,
        "made_at": f"2026-{1 + number % 11:02d}-{1 + number % 28:02d}T10:00:00+00:00",
        "result_digest": result_digest(folder),
        "returns_digest": file_digest(folder / "returns.parquet"),
        "code_digest": "0" * 64,
        "tried": {"settings": 1 + number},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _metrics(table: pd.DataFrame, identity: str) -> dict:
    from engine.review.columns import MEASURES

    returns = table["strategy"].to_numpy()
    measures = {name: {"value": float(returns.std() * place), "unit": "ratio"} for place, name in enumerate(MEASURES)}
    measures["sharpe"]["value"] = float(returns.mean() / returns.std(ddof=1) * 252**0.5)
    span = {"first_session": f"{table.index[0]:%F}", "last_session": f"{table.index[-1]:%F}", "sessions": len(table)}
    return {
        "config_id": identity,
        "symbols": ["nasdaq"],
        "span": span,
        "risk_free": 0.0,
        "periods_per_year": 252,
        "period": "day",
        "measures": {"strategy": measures},
        "leak_checks": [{"status": "clean"}],
        "verdict": {"headline": "no evidence of skill", "beats": False},
    }


def measure(out: Path, runs: int) -> None:
    """Print a table of seconds and sizes."""
    page = out.parent / "review.html"
    (out / NAME).unlink(missing_ok=True)
    first = _seconds("review", str(out), "--out", str(page))
    again = [_seconds("review", str(out), "--out", str(page)) for _ in range(REPEATS)]
    listed = [_seconds("list", "runs", str(out)) for _ in range(REPEATS)]
    print(f"{runs:,} runs of {SESSIONS:,} sessions")
    print(f"first review, every folder read   {first:8.2f} s")
    print(f"review again, from the index      {_spread(again)}")
    print(f"list runs, from the index         {_spread(listed)}")
    print(f"size of the page                  {page.stat().st_size / 1e6:8.2f} MB")
    for name, times in _in_browser(page).items():
        print(f"{name:<34}{_spread(times)}")


def _seconds(*words: str) -> float:
    start = time.perf_counter()
    command = [sys.executable, str(ROOT / "run_backtest.py"), *words]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)  # noqa: S603 - this program
    return time.perf_counter() - start


def _in_browser(page: Path) -> dict[str, list[float]]:
    """Seconds of what a user does, from the event until the browser has drawn the outcome."""
    from playwright.sync_api import sync_playwright

    times: dict[str, list[float]] = {name: [] for name in ("opened in Chromium, table shown", *ACTIONS)}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(REPEATS):
            tab = browser.new_page(viewport={"width": 1280, "height": 800})
            start = time.perf_counter()
            tab.goto(page.resolve().as_uri())
            tab.locator("#table tbody tr").first.wait_for()
            times["opened in Chromium, table shown"].append(time.perf_counter() - start)
            for name, action in ACTIONS.items():
                times[name].append(tab.evaluate(action) / 1e3)
            tab.close()
        browser.close()
    return times


DRAWN = "await new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
ACTIONS = {
    name: f"async () => {{ const start = performance.now(); {action}; {DRAWN}; return performance.now() - start; }}"
    for name, action in {
        "sorted by Sharpe ratio": """[...document.querySelectorAll('#table thead th')]
            .find(head => head.textContent.startsWith('Sharpe')).querySelector('button, span, div').click()""",
        "filtered, 0.15 s of pause included": """const box = document.getElementById('filter');
            box.value = 'sharpe > 0.5'; box.dispatchEvent(new Event('input'));
            const note = document.getElementById('filter-note');
            while (!note.textContent) await new Promise(done => setTimeout(done, 1))""",
        "ten runs laid over each other": """[...document.querySelectorAll('#table tbody input[type=checkbox]')]
            .slice(0, 10).forEach(box => box.click())""",
    }.items()
}


def _spread(times: list[float]) -> str:
    return f"{statistics.median(times):8.2f} s  ({min(times):.2f} to {max(times):.2f})"


if __name__ == "__main__":
    main()
