"""Hold ``constraints.txt`` to ``pyproject.toml``: every requirement has a pin, and every pin satisfies it.

``--clean`` first drops local version labels (``2.13.0+cpu``), which exist on no public index.
"""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def pins(path: Path) -> dict[str, list[Requirement]]:
    """The pins of a constraints file by name; one name may have several, each with its own marker."""
    found: dict[str, list[Requirement]] = {}
    for line in path.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text:
            pin = Requirement(text)
            found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def wanted(path: Path) -> list[Requirement]:
    """Every requirement of the project and its extras, but for extras that name the project itself."""
    project = tomllib.loads(path.read_text())["project"]
    extras = (line for lines in project.get("optional-dependencies", {}).values() for line in lines)
    found = [Requirement(line) for line in (*project["dependencies"], *extras)]
    return [need for need in found if canonicalize_name(need.name) != canonicalize_name(project["name"])]


def problems(requirements: list[Requirement], locked: dict[str, list[Requirement]]) -> list[str]:
    """One line for each requirement without a pin, each pin outside its requirement and each local label."""
    lines = []
    for need in requirements:
        pinned = locked.get(canonicalize_name(need.name), [])
        if not pinned:
            lines.append(f"{need.name} has no pin")
        lines += [f"{pin} does not satisfy {need}" for pin in pinned if not _satisfies(pin, need)]
    lines += [f"{pin} has a local label" for group in locked.values() for pin in group if "+" in str(pin.specifier)]
    return lines


def _satisfies(pin: Requirement, need: Requirement) -> bool:
    versions = [clause.version for clause in pin.specifier if clause.operator == "=="]
    return len(versions) == 1 and need.specifier.contains(versions[0], prereleases=True)


def main() -> int:
    """Check, print what disagrees, and answer with the exit code."""
    path = ROOT / "constraints.txt"
    if "--clean" in sys.argv:
        path.write_text(re.sub(r"(==[^\s;+]+)\+[\w.]+", r"\1", path.read_text()))
    found = problems(wanted(ROOT / "pyproject.toml"), pins(path))
    for line in found:
        print(f"constraints.txt: {line}; run `make lock`", file=sys.stderr)  # noqa: T201
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
