"""The report of a run: one page made of sections, one file each.

A section is a module here with an ``ORDER`` and a function ``section(outcome)``; a new file is found without any other
edit. Sections stand in the order of their numbers.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.pages.templates import render, safe
from engine.results.outcome import Outcome


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes
    ----------
    title : its heading; empty for none.
    html : its content, safe to stand in a page.
    """

    title: str
    html: str


def fill(template: str, title: str, **values: Any) -> Section:
    """A section from a template in ``templates/sections``."""
    return Section(title, safe(render(f"sections/{template}", **values)))


@cache
def _modules() -> tuple[ModuleType, ...]:
    names = [name for _, name, _ in pkgutil.iter_modules(__path__) if not name.startswith("_")]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(sorted(modules, key=lambda module: (module.ORDER, module.__name__)))


def sections(outcome: Outcome) -> Iterator[Section]:
    """Every section that has something to say of a run, in order."""
    for module in _modules():
        section: Section | None = module.section(outcome)
        if section is not None:
            yield section


def write_report(outcome: Outcome, path: Path, no_tearsheet: str = "") -> Path:
    """Write the report's page.

    Parameters
    ----------
    no_tearsheet : why there is no tear-sheet beside it; empty if there is one.
    """
    days = outcome.daily.index
    page = render(
        "report.html",
        name=outcome.name,
        config_id=outcome.config_id,
        first=f"{days[0]:%F}",
        last=f"{days[-1]:%F}",
        sessions=len(days),
        market=outcome.market,
        verdict=outcome.verdict,
        sections=list(sections(outcome)),
        no_tearsheet=no_tearsheet,
    )
    path.write_text(page, encoding="utf-8")
    return path
