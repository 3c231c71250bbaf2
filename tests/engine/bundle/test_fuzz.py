"""Bundles of a coverage-guided fuzzer are loaded or refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="atheris has no wheel for this system")

RUNS = 20_000 if os.environ.get("EXPLORE") else 2_000
FUZZER = Path(__file__).parents[2] / "helpers" / "fuzz_bundle.py"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["ensemble", "rule"])
def test_the_fuzzer_finds_nothing(kind, request):
    folder = request.getfixturevalue(f"{kind}_bundle").folder
    command = [sys.executable, str(FUZZER), str(folder), f"-runs={RUNS // 2}", "-seed=1"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {RUNS // 2} runs" in done.stderr
