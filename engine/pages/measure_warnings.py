"""Warnings on measures: reasons for missing values, and flags of the others; each text once for all it is about."""

from collections.abc import Mapping

from core.number_format import title
from risk.measures.base import Measured


def flagged(measures: Mapping[str, tuple[Measured, ...]], names: Mapping[str, str]) -> list[str]:
    """The reasons and flags of measures, one sentence for each, in the order in which they are met.

    Parameters
    ----------
    measures : by column.
    names : what each column is called; a sentence about all of them names none.
    """
    about: dict[str, dict[str, list[str]]] = {}
    for column, items in measures.items():
        for item in items:
            for text in filter(None, (item.reason, *item.flags)):
                about.setdefault(text, {}).setdefault(title(item.name), []).append(column)
    return [sentence for text, by_measure in about.items() for sentence in _sentences(text, by_measure, names)]


def _sentences(text: str, by_measure: Mapping[str, list[str]], names: Mapping[str, str]) -> list[str]:
    """One sentence for each set of columns that the text is true of."""
    together: dict[tuple[str, ...], list[str]] = {}
    for measure, columns in by_measure.items():
        together.setdefault(tuple(columns), []).append(measure)
    return [f"{', '.join(shared)}{_of(columns, names)}: {text}." for columns, shared in together.items()]


def _of(columns: tuple[str, ...], names: Mapping[str, str]) -> str:
    return "" if set(columns) == set(names) else f" of {', '.join(names[column] for column in columns)}"
