"""A finished sweep made again from its folder."""

import pandas as pd
import pytest
from click.testing import CliRunner

from engine.cli.main import app
from engine.config.yaml_text import as_yaml
from engine.ledger.ledger import Ledger, ledger_folder
from engine.pipeline import Options
from engine.sweep.run import sweep_and_save

SPACE = {"strategy.side": ["both", "long"], "risk.base": [0.01, 0.02, 0.03]}


@pytest.fixture
def folder(config_of, tmp_path):
    """A finished sweep; a second one on the same data is in the registry since then."""
    swept = sweep_and_save(config_of({"space": SPACE}), Options(out=tmp_path / "runs", cache=False, quiet=True))
    other = config_of({"space": {"risk.cap": [0.04, 0.03]}}, name="other")
    sweep_and_save(other, Options(out=tmp_path / "others", cache=False, quiet=True))
    return swept.saved.folder


def reproduced(folder):
    return CliRunner().invoke(app, ["reproduce", str(folder), "--cache"], standalone_mode=False)


@pytest.mark.slow
def test_it_is_equal_whatever_was_tried_since(folder):
    before = sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file())
    lines = Ledger().chain.count
    files = sorted(path.name for path in ledger_folder().rglob("*"))
    done = reproduced(folder)
    assert (done.return_value, done.exception) == (0, None)
    assert "all 4 result files are equal" in " ".join(done.output.split())
    (folder / "reproduced.json").unlink()  # the record for the review
    assert sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file()) == before
    assert sorted(path.name for path in ledger_folder().rglob("*")) == files
    assert Ledger().chain.count == lines


@pytest.mark.slow
def test_a_cell_that_was_changed_is_named(folder):
    table = pd.read_parquet(folder / "trials.parquet")
    table.loc[4, "sharpe"] += 0.5
    table.to_parquet(folder / "trials.parquet", index=False)
    done = reproduced(folder)
    assert done.return_value == 1
    assert "trials.parquet: row 4, column sharpe" in " ".join(done.output.split())


@pytest.mark.slow
def test_its_config_can_be_swept_again(folder, tmp_path):
    from engine.sweep.load_config import load

    again = load(folder / "config.yaml")
    assert as_yaml(again.dump()) == (folder / "config.yaml").read_text(encoding="utf-8")
    swept = sweep_and_save(again, Options(out=folder.parent, cache=False, quiet=True))
    assert swept.saved.note.startswith("it was finished before")
