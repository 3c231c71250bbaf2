"""Each file of the page of vendors is read by the config beside it, as the page says."""

import gzip
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from marketdata.data_spec import DataSpec

PAGE = Path(__file__).resolve().parents[3] / "docs" / "vendors.md"
SECTION = re.compile(
    r"^## (.+)\n\n`(.+)`\n\n```text\n([^`]*)```\n\n```yaml\n([^`]*)```\n\nRead as ([^\n]+)$", re.MULTILINE
)
SECTIONS = [match.groups() for match in SECTION.finditer(PAGE.read_text(encoding="utf-8"))]


def test_every_section_of_the_page_is_tested():
    assert len(SECTIONS) == PAGE.read_text(encoding="utf-8").count("\n## ")
    assert len(SECTIONS) >= 20


@pytest.mark.parametrize(("title", "name", "text", "config", "read_as"), SECTIONS, ids=lambda part: part[:20])
def test_a_vendors_lines_are_read(title, name, text, config, read_as, tmp_path, monkeypatch):
    content = text.encode()
    if "UTF-16" in read_as:
        content = text.encode("utf-16")
    if name.endswith(".gz"):
        content = gzip.compress(content)
    (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    market = DataSpec.parse(YAML(typ="safe").load(config)["data"]).load()
    [reading] = market.reading.values()
    assert read_as.startswith(f"{reading}.")
    assert len(market.times) == 5
