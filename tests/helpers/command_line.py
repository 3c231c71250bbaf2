"""A command line within this process: what a process of its own would answer, without the seconds of its imports."""

import contextlib
import io
import subprocess
from pathlib import Path

from engine.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


def command_line(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command line from a folder; its exit code and what it prints, as text that is piped."""
    out, err = io.StringIO(), io.StringIO()
    texts = [str(word) for word in words]
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(texts)
    return subprocess.CompletedProcess(texts, code, out.getvalue(), err.getvalue())
