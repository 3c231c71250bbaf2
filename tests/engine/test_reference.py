"""What the docs and the listing say of the config is what the code accepts."""

from click.testing import CliRunner

from core.plugins import FAMILIES, kinds
from engine.cli import app
from engine.config import RunConfig
from engine.listing import parameters, plain
from engine.reference import PATH, text
from signals.models.lstm import Lstm


def test_the_config_reference_is_current():
    assert PATH.read_text(encoding="utf-8") == text(), "run `python -m engine.reference`"


def test_every_key_and_every_plug_in_is_in_the_reference():
    page = text()
    assert all(f"| `{name}` |" in page for name in RunConfig.model_fields)
    assert all(f"`kind: {kind}`" in page for package in FAMILIES.values() for kind in kinds(package))


def test_the_listing_names_every_plug_in_with_its_defaults():
    shown = CliRunner().invoke(app, ["list"])
    assert shown.exit_code == 0
    assert all(kind in shown.output for package in FAMILIES.values() for kind in kinds(package))
    assert "hidden=32" in shown.output


def test_values_are_written_as_in_yaml():
    assert plain({"a": [1, None, True], "b": ("x", 0.5)}) == "{a: [1, null, true], b: [x, 0.5]}"
    assert parameters(Lstm).startswith("hidden=32, layers=2, dropout=0.2, sequence=30, epochs=10")
