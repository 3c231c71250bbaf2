"""A page as PDF, printed by an installed Chromium or Chrome."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from core.errors import StoreError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
LIMIT = 300.0
"""Seconds after which a browser that does not end is ended."""
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-pdf-header-footer",
    "--virtual-time-budget=10000",
)


def find_browser() -> str:
    """The path of an installed browser that prints.

    Raises
    ------
    StoreError
        There is none.
    """
    path = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if path is None:
        raise StoreError(
            "PDF files are printed by Chromium, and none is installed; install it (Debian: apt-get install chromium), "
            "or open the page and print it from your browser"
        )
    return path


def print_pdf(page: Path, target: Path) -> Path:
    """Print a page.

    Parameters
    ----------
    page : an HTML file.
    target : the PDF file; replaced as a whole.

    Raises
    ------
    StoreError
        There is no browser, it fails, or the file cannot be written.
    """
    browser = find_browser()
    if not page.is_file():
        raise StoreError(f"{page}: there is no such page; run the config again with its report")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="print-", ignore_cleanup_errors=True) as profile:
            printed = Path(profile) / "page.pdf"
            command = [browser, *OPTIONS, *_sandbox(), f"--user-data-dir={profile}", f"--print-to-pdf={printed}"]
            done = subprocess.run(  # noqa: S603 - a browser path by name, and a file of ours
                [*command, page.resolve().as_uri()], capture_output=True, text=True, check=False, timeout=LIMIT
            )
            if not printed.is_file():
                raise StoreError(f"{browser}: printed nothing: {_last_line(done.stderr)}")
            shutil.move(printed, target)
    except subprocess.TimeoutExpired:
        raise StoreError(f"{browser}: did not finish within {LIMIT:.0f} s; print the page from your browser") from None
    except OSError as error:
        raise StoreError(f"{target}: cannot be written: {error.strerror}; name another file") from error
    return target


def _sandbox() -> list[str]:
    """The browser's sandbox refuses to start as root, and the page is one of ours."""
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "no reason was given"
