"""Short displays of an object: a few named facts as one line, as a rich table, as HTML."""

from collections.abc import Mapping
from html import escape
from typing import Any

CELL = "text-align: left; padding: 0.15em 1em 0.15em 0; vertical-align: top"


def line(name: str, facts: Mapping[str, str]) -> str:
    """One line for a terminal or a traceback.

    >>> line("Thing", {"colour": "red", "size": "3 m"})
    '<Thing colour: red; size: 3 m>'
    """
    return f"<{name} {'; '.join(f'{key}: {value}' for key, value in facts.items())}>"


def rich_table(title: str, facts: Mapping[str, str]) -> Any:
    """A table that rich prints."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in facts.items():
        table.add_row(key, Text(value))
    return table


def html_table(title: str, facts: Mapping[str, str]) -> str:
    """A table for a notebook, of plain HTML without scripts.

    >>> html_table("a < b", {"size": "3 & more"}).count("&lt;")
    1
    """
    rows = "".join(
        f'<tr><th scope="row" style="{CELL}">{escape(key)}</th><td style="{CELL}">{escape(value)}</td></tr>'
        for key, value in facts.items()
    )
    return f'<table><caption style="text-align: left; font-weight: bold">{escape(title)}</caption>{rows}</table>'
