"""Sweeps that are killed at random moments and given again: nothing may be lost, and the bytes must be the same.

    python benchmarks/kills.py                 50 kills
    python benchmarks/kills.py 200 --seed 3    200 others

Each line is one sweep whose process got ``kill -9`` after so many seconds, and then the same command, undisturbed.
*Stage* is where it was: before its folder (planning), before a first trial (training), among the trials, while winners
were confirmed, while the folder was written; or it was done already. *Kept* are the trials in its journal at that
moment; the second command must find as many. *Orphans* is how long worker processes outlived it. The tables, the
numbers and the winners' tables are compared byte for byte with those of a sweep that nobody disturbed. Every fifth
sweep trains forests, and every fifth runs on backtrader in worker processes. The exit code is 1 if anything was lost.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULE = "{model.fast: [5, 8, 10, 12, 15, 20, 25, 30], strategy.side: [both, long], risk.base: [0.01, 0.02]}"
RANGES = "{model.fast: {low: 5, high: 30}, strategy.side: [both, long], risk.base: {low: 0.01, high: 0.02}}"
METHODS = {
    "grid": "{model: {kind: random_forest}, walk_forward: {train: 300, test: 60}, features: [{kind: lagged_return}],"
    " sweep: {space: {model.trees: [3, 5, 7], strategy.side: [both, long]}}}",
    "random": f"{{sweep: {{method: random, trials: 24, space: {RULE}}}}}",
    "sobol": f"{{sweep: {{method: sobol, trials: 16, space: {RANGES}}}}}",
    "tpe": f"{{sweep: {{method: tpe, trials: 16, batch: 4, space: {RANGES}}}}}",
    "backtrader": "{broker: {impact: {kind: volume_share}},"
    " sweep: {space: {risk.base: [0.01, 0.015, 0.02, 0.025], strategy.side: [both, long]}}}",
}
"""What is swept, on top of :data:`BASE`."""
BASE = """
extends: {config}
name: killed
data: {{start: 2010-01-04, end: 2012-12-31}}
measures: {{intervals: {{reps: 0}}}}
report: {{tearsheet: false}}
workers: 2
sweep: {{confirm: 3, spot_checks: 2, overfitting: {{pbo_blocks: 4, reps: 100}}, space: {{risk.base: [0.01]}}}}
"""
RESULTS = ("trials.parquet", "returns.parquet", "blocks.parquet", "sweep.json")
PATIENCE = 5.0
"""Seconds that a worker may outlive its parent."""


@dataclass
class Sweep:
    """One method's command in a folder of its own."""

    method: str
    folder: Path
    process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    @property
    def out(self) -> Path:
        """Where its folder goes."""
        return self.folder / "runs"

    def start(self) -> "subprocess.Popen[str]":
        """Give the command."""
        self.folder.mkdir(exist_ok=True)
        config = self.folder.parent / f"{self.method}.yaml"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "BACKTRADER_ML_DATA": str(self.folder / "data")}
        words = [sys.executable, str(ROOT / "run_backtest.py"), str(config), "--no-cache", "--quiet", "--out"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [*words, str(self.out)]
        self.process = subprocess.Popen(command, env=environment, start_new_session=True, **pipes)  # type: ignore[call-overload]  # noqa: S603
        return self.process

    def finish(self) -> tuple[float, str]:
        """Give the command and wait; seconds, and what it printed on stderr."""
        begun = time.monotonic()
        process = self.start()
        _, told = process.communicate()
        assert process.returncode == 0, told
        return time.monotonic() - begun, told

    @property
    def kept(self) -> tuple[int, int]:
        """Trials that the journal vouches for, and lines of the journal."""
        paths = list(self.out.glob(".killed-*/journal.txt"))
        lines = paths[0].read_bytes().split(b"\n")[:-1] if paths else []
        entries = [json.loads(line.partition(b" ")[2]) for line in lines]
        return sum(entry["count"] for entry in entries if "file" in entry), len(lines)

    def stage(self, count: int) -> str:
        """How far a sweep of so many trials has come."""
        kept, lines = self.kept
        if any(path.name[0] != "." for path in self.out.glob("*")):
            return "done"
        if kept == count:
            written = any(self.folder.glob(".runs-unfinished/*/trials.parquet"))
            return "writing" if written else "confirmation"
        return "trials" if kept else "training" if lines else "planning"

    def found(self) -> dict[str, bytes]:
        """The bytes of everything that must be the same."""
        [folder] = self.out.iterdir()
        paths = [folder / name for name in RESULTS] + sorted((folder / "winners").rglob("*.parquet"))
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def outlived(leader: int) -> float:
    """Seconds until no process of a session was left."""
    begun = time.monotonic()
    while any(_session(path) == leader for path in Path("/proc").glob("[0-9]*/stat")):
        if time.monotonic() - begun > PATIENCE:
            return float("inf")
        time.sleep(0.02)
    return time.monotonic() - begun


def _session(path: Path) -> int:
    try:
        state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
    except OSError:
        return 0
    return 0 if state == "Z" else int(session)


def kills(number: int, seed: int, folder: Path) -> Iterator[str]:
    """Kill so many sweeps, print a line for each, and yield its stage, or what went wrong."""
    chance, wanted = random.Random(seed), {}  # noqa: S311 - moments, not secrets
    for method, text in METHODS.items():
        base = folder / "base.yaml"
        base.write_text(BASE.format(config=ROOT / "configs" / "sma_cross.yaml"))
        (folder / f"{method}.yaml").write_text(f"extends: {base}\n{_lines(text)}")
        Sweep(method, folder / f"{method}-warm").finish()  # kernels are compiled
        plain = Sweep(method, folder / f"{method}-undisturbed")
        seconds, _ = plain.finish()
        wanted[method] = (seconds, json.loads(plain.found()["sweep.json"])["trials"]["all"], plain.found())
        print(f"{method}: undisturbed in {seconds:.1f} s", flush=True)
    print(f"\n{'kill':>4} {'method':10} {'after':>7} {'stage':13}{'kept':>5} {'orphans':>8} {'again':>7}  outcome")
    for place in range(number):
        method = list(METHODS)[place % len(METHODS)]
        seconds, count, bytes_before = wanted[method]
        sweep, moment = Sweep(method, folder / f"{place}"), chance.uniform(0.15, 1.0) * seconds
        process = sweep.start()
        try:
            process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        stage, (kept, _), orphans = sweep.stage(count), sweep.kept, outlived(process.pid)
        again, told = sweep.finish()
        outcome = _outcome(sweep.found() == bytes_before, kept, told, orphans)
        line = f"{place + 1:>4} {method:10} {moment:>5.1f} s {stage:13}{kept:>5} {orphans:>6.2f} s {again:>5.1f} s"
        print(f"{line}  {outcome}", flush=True)
        yield stage if outcome == "equal" else outcome


def _lines(text: str) -> str:
    """The entries of a YAML mapping in braces, a line each."""
    from ruamel.yaml import YAML

    values = YAML(typ="safe").load(text)
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items())


def _outcome(equal: bool, kept: int, told: str, orphans: float) -> str:
    found = re.search(r"(\d+) of \d+ trials were finished before", told)
    if kept and (not found or int(found[1]) != kept):
        return f"LOST: {found[1] if found else 0} of {kept} trials were found again"
    if orphans == float("inf"):
        return "ORPHANS"
    return "equal" if equal else "DIFFERS"


def main() -> None:
    """Kill sweeps and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("number", type=int, nargs="?", default=50, help="kills")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        found = Counter(kills(given.number, given.seed, Path(name)))
    print("\n" + ", ".join(f"{count} {stage}" for stage, count in found.most_common()))
    sys.exit(int(any(stage.isupper() or stage.startswith("LOST") for stage in found)))


if __name__ == "__main__":
    main()
