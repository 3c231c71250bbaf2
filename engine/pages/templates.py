"""HTML pages: one file each that asks nothing of any server, from the templates of :mod:`engine.pages.report`."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from core import number_format

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "html"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        shown=number_format.format_value,
        four=number_format.format_4sig,
        percent=number_format.percent,
        money=number_format.money,
        label=number_format.title,
        day=_day,
    )
    return environment


def _day(time: pd.Timestamp) -> str:
    """A date; a missing one belongs to what has not ended."""
    return "not yet" if pd.isna(time) else f"{time:%F}"


def render(template: str, **values: Any) -> str:
    """Fill a template; all text is escaped, pictures are marked as HTML by whoever made them."""
    return _environment().get_template(template).render(**values)


def safe(html: str) -> str:
    """Mark text as HTML that may stand in a page as it is."""
    from markupsafe import Markup

    return Markup(html)  # noqa: S704 - only for what this package rendered
