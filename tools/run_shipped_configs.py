"""Every config of the README's table, run over a short span: what `make install` installs must be enough for it.

``python tools/run_shipped_configs.py [FOLDER]`` with the Python of the environment to try; `make test-install` makes a
fresh one. Results and ledger go to a temporary folder.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"^\| \[[\w/]+\]\((configs/[\w/]+\.yaml)\)", re.MULTILINE)
QUICK = ("measures.intervals.reps=0", "report.tearsheet=false", "workers=1")
STOCKS = (
    "data.source.symbols=[AAPL, IBM, MSFT]",
    "data.end=2002-12-31",
    "walk_forward={train: 250, test: 100}",
)
SWEEP = ("sweep.confirm=1", "sweep.spot_checks=0", "sweep.overfitting.reps=100")
SHORT = {
    "quickstart": ("data.end=2001-12-31", "walk_forward={train: 300, test: 150}"),
    "lstm_full": ("data.end=2001-06-30", "walk_forward={train: 250, test: 100}", "model.hidden=8"),
    "portfolio": STOCKS,
    "risk_notional": STOCKS,
    "risk_stop": STOCKS,
    "rank": STOCKS,
    "sentiment": ("data.end=2002-12-31", "walk_forward={train: 300, test: 150}"),
    "my_csv": (),
    "sma_cross": ("data.end=2001-12-31",),
    "buy_and_hold": ("data.end=2001-12-31",),
    "strategies/bracket_cross": ("data.end=2001-12-31",),
    "strategies/mean_reversion": ("data.end=2001-12-31", "walk_forward={train: 300, test: 150}"),
    "strategies/breakout": ("data.end=2001-12-31",),
    "strategies/volatility_target": ("data.end=2001-12-31",),
    "strategies/regime_filter": ("data.end=2001-12-31",),
    "strategies/momentum_rank": ("data.source.symbols=[AAPL, IBM, MSFT]", "data.end=2002-12-31"),
    "sweeps/thresholds": ("data.end=2001-12-31", "walk_forward={train: 300, test: 150}", *SWEEP),
    "sweeps/models": ("data.end=2001-12-31", "walk_forward={train: 300, test: 150}", *SWEEP),
    "sweeps/tpe": ("data.end=2001-12-31", "sweep.trials=16", *SWEEP),
    "sweeps/cluster": ("data.end=2001-12-31", *SWEEP),
}
"""Overrides of each config, so that all of them take a few minutes."""
IMPORTS = ("transformers", "distributed", "talib", "vaderSentiment")
"""Libraries that configs in the docs use beside those of the table."""


def configs() -> list[str]:
    """The configs of the README's table, in order."""
    return LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def command(config: str, out: Path) -> list[str]:
    """The command that runs a config over a short span."""
    name = config.removeprefix("configs/").removesuffix(".yaml")
    words = (*SHORT[name], *QUICK, "--quiet", "--out", str(out))
    return [sys.executable, str(ROOT / "run_backtest.py"), str(ROOT / config), *words]


def main(out: Path) -> int:
    """Run all of them; the number of those that failed."""
    environment = {**os.environ, "BACKTRADER_ML_DATA": str(out / "data"), "BACKTRADER_ML_CACHE": str(out / "cache")}
    commands = {config: command(config, out) for config in configs()}
    commands |= {f"import {name}": [sys.executable, "-c", f"import {name}"] for name in IMPORTS}

    def run(words: list[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - this project's own program
            words, cwd=out, env=environment, capture_output=True, text=True, check=False
        )

    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, done in zip(commands, pool.map(run, commands.values()), strict=True):
            failed += done.returncode != 0
            print(f"{'ok' if done.returncode == 0 else 'FAILED'}  {name}  {done.stderr.strip()[-400:]}", flush=True)  # noqa: T201
    return failed


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="backtrader-ml-") as temporary:
        sys.exit(min(main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary)), 1))
