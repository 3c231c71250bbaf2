"""The page on serving: each command runs as written, in its order, against a service that is a process of its own."""

import os
import re
import shlex
import signal
import subprocess
import sys

import pytest
from running_service import PATIENCE, ROOT, Process

PAGE = ROOT / "docs" / "serving.md"
LINES = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
]
PROGRAM = ".venv/bin/python run_backtest.py "
HERE = [line for line in LINES if not line.startswith("docker ")]


def test_the_page_has_commands_of_known_kinds_only():
    kinds = [line.split()[0] for line in LINES]
    assert set(kinds) == {".venv/bin/python", "curl", "docker"}
    assert [line for line in HERE if line.startswith(PROGRAM + "serve ")] == [PROGRAM + "serve bundles/served"]


@pytest.mark.slow
def test_from_a_config_to_an_answer(tmp_path, shared_cache):
    for name in ("configs", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    running = None
    printed = {}
    try:
        for line in HERE:
            if line.startswith(PROGRAM + "serve "):
                running = Process(line.removeprefix(PROGRAM + "serve "), cwd=tmp_path)  # on a free port
                continue
            printed[line] = run(line, tmp_path, running)
        assert running.stop(signal.SIGINT) == 0
    finally:
        if running is not None and running.process.poll() is None:
            running.stop(signal.SIGKILL)
    [client] = [text for line, text in printed.items() if "examples/client.py" in line]
    assert len(re.findall(r"^2018-12-\d\dT\S+  nasdaq  side [+-][01]  size", client, re.MULTILINE)) == 5
    [metrics] = [text for line, text in printed.items() if "/metrics" in line]
    assert "btml_predictions_total 5.0" in metrics
    assert (tmp_path / "bundles" / "served.predictions.sqlite").exists()
    first, second = (text for line, text in printed.items() if " monitor " in line)
    assert "5 predictions, 2018-12-" in first
    assert "challenger  bundles/challenger: trained on what was known at 2018-12-31" in second


def run(line, folder, running):
    if running is not None:
        line = line.replace("http://127.0.0.1:8000", running.address)
    words = [sys.executable if word == ".venv/bin/python" else word for word in shlex.split(line)]
    words = [str(ROOT / word) if word == "run_backtest.py" else word for word in words]
    words = [path for word in words for path in (sorted(map(str, folder.glob(word))) if "*" in word else [word])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE * 2
    )
    allowed = (0, 1) if " monitor " in line else (0,)  # 1 is an alert: the market of that winter was a wild one
    assert done.returncode in allowed, (line, done.stderr)
    return done.stdout


def test_the_table_of_paths_is_complete(tmp_path):
    from fake_model import FakeModel, loader
    from running_service import serving

    url = f"sqlite:///{tmp_path / 'log.sqlite'}"
    with serving("one", url, load=loader({"one": FakeModel()})) as running:
        paths = running.client.get("/openapi.json").json()["paths"]
    page = PAGE.read_text(encoding="utf-8")
    for path, methods in paths.items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in page


def test_the_client_says_what_the_service_refused(tmp_path):
    from fake_model import FakeModel, loader
    from running_service import serving

    url = f"sqlite:///{tmp_path / 'log.sqlite'}"
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    with serving("one", url, load=loader({"one": FakeModel()})) as running:
        words = [sys.executable, str(ROOT / "examples" / "client.py"), running.address, "configs/sma_cross.yaml", "1"]
        done = subprocess.run(
            words,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    assert done.returncode == 1
    assert done.stderr.startswith('422: symbols: "A" is missing')
