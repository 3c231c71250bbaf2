"""The report of a run: one page made of sections, one file each.

A section is a module of a folder below this one with an ``ORDER`` and a function ``section(outcome)``; a new file is
found without any other edit. Sections stand in the order of their numbers.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from engine.pages.svg_charts import page_style
from engine.pages.templates import CHARTS, render
from engine.results.outcome import Outcome

from .section import Section


@cache
def _modules() -> tuple[ModuleType, ...]:
    names = [name for _, name, is_package in pkgutil.walk_packages(__path__, f"{__name__}.") if not is_package]
    modules = [module for module in map(importlib.import_module, names) if hasattr(module, "ORDER")]
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
    with page_style():
        parts = list(sections(outcome))
    page = render(
        "report.html",
        scripts=CHARTS,
        name=outcome.name,
        config_id=outcome.config_id,
        first=f"{days[0]:%F}",
        last=f"{days[-1]:%F}",
        sessions=len(days),
        market=outcome.market,
        sections=parts,
        no_tearsheet=no_tearsheet,
    )
    path.write_text(page, encoding="utf-8")
    return path
