"""How this program was installed, and the way to add what is missing."""

import json
from importlib import metadata
from pathlib import Path

PACKAGE = "backtrader-ml"
ROOT = Path(__file__).resolve().parents[1]


def install_hint(extra: str) -> str:
    """The way to install an extra: `make install` in a checkout, else the extra from where the program came from.

    A bare name is never given to an installer: on a public index another package may bear it.

    Parameters
    ----------
    extra : the name of an optional group of dependencies.
    """
    if (ROOT / "Makefile").is_file() and (ROOT / "pyproject.toml").is_file():
        return f"run `make install` in {ROOT}"
    source = _source()
    if source:
        return f"run `pip install '{PACKAGE}[{extra}] @ {source}'`"
    return f"install {PACKAGE} again from where it came, with the extra: `pip install 'FILE_OR_FOLDER[{extra}]'`"


def _source() -> str:
    """The address that the program was installed from, as pip recorded it; empty for an index."""
    try:
        record = metadata.distribution(PACKAGE).read_text("direct_url.json")
        return str(json.loads(record)["url"]) if record else ""
    except (metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        return ""
