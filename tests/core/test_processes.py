"""One thread for what is loaded later, unless the environment says otherwise."""

import os
import subprocess
import sys

from core.processes import ONE_THREAD, one_thread


def test_what_the_environment_says_stays(monkeypatch):
    for name in ONE_THREAD:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    one_thread()
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert {name: os.environ[name] for name in ONE_THREAD} == {**ONE_THREAD, "OMP_NUM_THREADS": "3"}
    for name in ONE_THREAD:
        monkeypatch.setenv(name, os.environ[name])  # what was set above is taken back with the rest


def test_the_command_asks_for_it_before_any_library_is_loaded():
    code = (
        "import sys, runpy; sys.argv = ['run_backtest.py', '--help']\n"
        "from core import processes\n"
        "processes.one_thread = lambda: print('asked', 'numpy' in sys.modules)\n"
        "runpy.run_path('run_backtest.py', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("asked False")
