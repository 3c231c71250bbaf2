"""A section of the report."""

import re
from dataclasses import dataclass
from typing import Any

from engine.pages.templates import render_part, safe


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes
    ----------
    title : its heading, and its line in the table of contents; empty for the first screen.
    html : its content, safe to stand in a page.
    folded : whether it is closed until the reader opens it.
    about : what a closed one holds, in a few words.
    """

    title: str
    html: str
    folded: bool = False
    about: str = ""

    @property
    def anchor(self) -> str:
        """The id of its element.

        >>> Section("VaR backtest (Kupiec)", "").anchor
        'var-backtest-kupiec'
        """
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") or "overview"


def fill(template: str, title: str, *, folded: bool = False, about: str = "", **values: Any) -> Section:
    """A section from a template in ``html/sections``."""
    return Section(title, safe(render_part(f"sections/{template}", **values)), folded, about)
