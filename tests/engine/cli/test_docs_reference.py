"""What the docs and the listing say of the config is what the code accepts."""

import click
import pytest
from click.testing import CliRunner

from core.plugins import FAMILIES, kinds
from engine.cli.docs_reference import cli_text, config_text, pages
from engine.cli.main import app
from engine.cli.plugin_table import parameters, plain
from engine.config.run_config import RunConfig
from signals.models.lstm import Lstm


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_the_reference_is_current(path):
    assert path.read_text(encoding="utf-8") == pages()[path], "run `python -m engine.cli.docs_reference`"


def test_every_command_and_every_option_is_in_the_reference():
    page = cli_text()
    for name, command in app.commands.items():
        assert f"\n## {name}\n" in page
        for option in (item for item in command.params if isinstance(item, click.Option)):
            assert all(f"`{text}`" in page for text in option.opts)
            assert option.help in page
    assert "    run_backtest.py CONFIG... [key=value ...] [options]\n" in page
    assert "    run_backtest.py list [FAMILY|runs] [DIR ...]\n" in page
    assert "    run_backtest.py cache info|clear\n" in page


def test_every_key_and_every_plug_in_is_in_the_reference():
    page = config_text()
    assert all(f"| `{name}` |" in page for name in RunConfig.model_fields)
    assert all(f"`kind: {kind}`" in page for package in FAMILIES.values() for kind in kinds(package))


def test_the_listing_names_every_plug_in_with_its_defaults():
    shown = CliRunner().invoke(app, ["list"])
    assert shown.exit_code == 0
    assert all(kind in shown.output for package in FAMILIES.values() for kind in kinds(package))
    assert "hidden=32" in shown.output


def test_values_are_written_as_in_yaml():
    assert plain({"a": [1, None, True], "b": ("x", 0.5)}) == "{a: [1, null, true], b: [x, 0.5]}"
    assert parameters(Lstm).startswith("scope=pooled, hidden=32, layers=2, dropout=0.2, sequence=30, epochs=10")
