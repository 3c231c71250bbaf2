"""HTML pages: one file each that asks nothing of any server, in one dress.

A template extends ``theme/page.html``. Its scripts (:data:`APP`, :data:`CHARTS`, :data:`TABLES`) are named when it is
rendered; the policy of the page allows these by their digests, and no address outside the file.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from core import number_format
from core.errors import StoreError
from core.files import write_atomically

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "html"
HEAD = "theme/head.js"
APP = ("theme/app.js",)
CHARTS = ("vendor/uplot.js", "theme/charts.js", *APP)
"""The scripts of a page with charts over time."""
TABLES = ("vendor/datatables.js",)
"""The script of a page with a table that filters."""


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
        count="{:,}".format,
        label=number_format.title,
        day=_day,
        first_sentence=_first_sentence,
    )
    return environment


def _day(time: pd.Timestamp) -> str:
    """A date; a missing one belongs to what has not ended."""
    return "not yet" if pd.isna(time) else f"{time:%F}"


def _first_sentence(text: str) -> str:
    """The text up to its first detail in brackets or after a semicolon, as one sentence.

    >>> _first_sentence("The forecasts are not shown to know anything (size: t = 1.2; rank: t = 0.3).")
    'The forecasts are not shown to know anything.'
    """
    head = re.split(r" \(|; |\. ", text)[0].rstrip(".")
    return f"{head}."


def render(template: str, scripts: Sequence[str] = APP, *, allowed: str = "", **values: Any) -> str:
    """Fill a template; all text is escaped, pictures are marked as HTML by whoever made them.

    Parameters
    ----------
    scripts : the files that a page runs, in order, below ``engine/pages/html``.
    allowed : further rules of the content security policy, each with its semicolon; no outside address.
    """
    texts = [asset(name) for name in scripts]
    return (
        _environment()
        .get_template(template)
        .render(
            scripts={"head": safe(asset(HEAD)), "body": [safe(text) for text in texts]},
            styles=safe(asset("vendor/uplot.css") * (CHARTS[0] in scripts) + asset("theme/style.css")),
            policy=content_policy([asset(HEAD), *texts], allowed),
            **values,
        )
    )


def save_page(text: str, path: Path) -> None:
    """Write a page where the user asked for it; an older file is replaced as a whole.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}; name another file") from error


def render_part(template: str, **values: Any) -> str:
    """Fill the template of a part of a page; all text is escaped."""
    return _environment().get_template(template).render(**values)


@cache
def asset(name: str) -> str:
    """The text of a script or of a style sheet, by its path below ``engine/pages/html``."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def content_policy(scripts: Sequence[str], allowed: str = "") -> str:
    """The content security policy of a page: its own scripts by their digests, and no request but those allowed.

    >>> content_policy(["1"])
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; script-src \
'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"
    """
    digests = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts
    )
    rules = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return f"{rules}; {allowed}script-src {digests}"


def safe(html: str) -> str:
    """Mark text as HTML that may stand in a page as it is."""
    from markupsafe import Markup

    return Markup(html)  # noqa: S704 - only for what this package rendered
