"""The example notebook runs from top to bottom, and what it shows is the page's own."""

import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from engine.notebook import review_html, run_html, sweep_html
from engine.review.collection import collect

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def executed():
    book = nbformat.read(ROOT / "examples" / "review.ipynb", as_version=4)
    client = NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}})
    client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable  # of this environment, whatever is installed for the user
    client.execute()
    return [cell for cell in book.cells if cell.cell_type == "code"]


def html(cell):
    return "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)


@pytest.mark.slow
def test_a_run_and_a_review_show_themselves(executed):
    run, review, table = (html(cell) for cell in executed[1:])
    assert run.startswith("<iframe")
    assert "cross-50" in run
    assert "Benchmark at equal exposure" in run
    assert "review-data" in review
    assert table.count("cross-") == 3


def test_a_run_without_measures_is_text():
    assert run_html(SimpleNamespace(daily=None, metrics={}, _repr_html_=lambda: "<table>")) == "<table>"


def test_a_sweep_shows_its_verdict_and_its_best_trials():
    daily = pd.DataFrame(
        {"strategy": [0.01, -0.02, 0.03], "benchmark_at_exposure": 0.0}, index=pd.bdate_range("2020-01-01", periods=3)
    )
    numbers = {
        "name": "grid",
        "verdict": {"headline": "no evidence of skill"},
        "winners": [{"trial": 7, "objective": 0.5, "point": {"risk.base": 0.01}}],
        "objective": {"measure": "sharpe"},
        "space": {"risk.base": [0.01, 0.02]},
        "trials": {"done": 12},
        "span": {"first_session": "2020-01-01", "last_session": "2020-01-03"},
    }
    winners = {"trial-000007-abc": SimpleNamespace(daily=daily)}
    text = sweep_html(SimpleNamespace(numbers=numbers, winners=winners, folder=Path("runs/grid-1")))
    assert "12 trials" in text
    assert "risk.base" in text
    without = sweep_html(SimpleNamespace(numbers=numbers, winners={}, folder=Path("runs/<b>")))
    assert without == "<p>&lt;b&gt;: no evidence of skill</p>"


def test_a_frame_contains_the_page_escaped(tmp_path):
    from run_folders import make_run

    make_run(tmp_path / "runs", 'x"><script>alert(1)</script>')
    text = review_html(collect([tmp_path / "runs"]))
    assert text.count("<") == 2  # the frame's own tags
