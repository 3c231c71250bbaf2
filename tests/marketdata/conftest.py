from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from marketdata.data_spec import DataSpec

HEADER = "Date,Open,High,Low,Close,Volume"
DAYS = ("2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07")


def rows(days=DAYS) -> list[list[str]]:
    """Four sound daily bars as cells, closes 11, 12, 13, 14."""
    return [[day, f"{10.5 + i}", f"{12 + i}", f"{10 + i}", f"{11 + i}", "100"] for i, day in enumerate(days)]


def text(cells: list[list[str]], header: str = HEADER) -> str:
    return "\n".join([header, *(",".join(line) for line in cells)]) + "\n"


@pytest.fixture
def cells() -> list[list[str]]:
    return rows()


@pytest.fixture
def spec_of(tmp_path: Path) -> Callable[..., DataSpec]:
    """A spec over one file named AAPL.csv: its content as cells, text or bytes, and keys of the block."""

    def build(content: list[list[str]] | str | bytes, **keys: object) -> DataSpec:
        path = tmp_path / "AAPL.csv"
        content = text(content) if isinstance(content, list) else content
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return parse({"AAPL": str(path)}, **keys)

    return build


def parse(files: Mapping[str, str], **keys: object) -> DataSpec:
    return DataSpec.parse({"source": {"kind": "csv", "files": dict(files)}, **keys})
