"""The git checkout that the project stands in, if it stands in one."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def git_text(*words: str) -> str:
    """The output of git in the project's folder; empty outside a git checkout."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", "-C", str(ROOT), *words],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def is_checkout() -> bool:
    """True if the project stands in a git checkout with a commit."""
    return bool(git_text("rev-parse", "HEAD"))


def not_committed(folders: Iterable[Path]) -> list[Path]:
    """The Python files under some of the project's folders that are untracked or differ from the last commit."""
    names = [str(folder) for folder in folders]
    lines = [
        *git_text("ls-files", "--others", "--", *names).splitlines(),
        *git_text("diff", "--name-only", "HEAD", "--", *names).splitlines(),
    ]
    files = (ROOT / name for name in sorted(set(lines)) if name.endswith(".py"))
    return [file for file in files if file.is_file()]
