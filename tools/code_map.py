"""The code map of docs/architecture.md, made from the first line of each module: ``python tools/code_map.py``."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("core", "marketdata", "risk", "signals", "strategies", "serving", "engine")
FAMILIES = frozenset(
    {
        *("marketdata/sources", "marketdata/layouts", "strategies", "risk/measures"),
        *("signals/features", "signals/labels", "signals/models", "signals/confidence", "signals/text"),
    }
)
HEADING = "## Code map"


def code_map() -> str:
    """The section: each folder with its first line, and each module with its own; plug-ins are counted, not listed."""
    folders = [folder for package in PACKAGES for folder in _folders(ROOT / package)]
    return "\n".join([HEADING, "", _INTRODUCTION, *(line for folder in folders for line in _folder(folder))]) + "\n"


_INTRODUCTION = (
    "Made by `python tools/code_map.py` from the first line of each module; a test compares. "
    "Plug-ins are counted, not listed: `run_backtest.py list` shows them."
)


def page() -> str:
    """The architecture page with its code map renewed; the map is its last section."""
    return PAGE.read_text(encoding="utf-8").partition(HEADING)[0] + code_map()


def _folders(package: Path) -> Iterator[Path]:
    yield package
    for inner in sorted(path for path in package.iterdir() if (path / "__init__.py").is_file()):
        yield from _folders(inner)


def _folder(folder: Path) -> Iterator[str]:
    name = str(folder.relative_to(ROOT))
    yield f"\n### `{name}/`\n"
    yield f"{_first_line(folder / '__init__.py')}\n"
    modules = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    plugins = [path for path in modules if name in FAMILIES and path.stem != "base" and not path.stem.startswith("_")]
    if plugins:
        yield f"- {len(plugins)} plug-ins, one file each"
    for path in modules:
        if path not in plugins:
            yield f"- `{path.stem}`: {_first_line(path)}"


def _first_line(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
