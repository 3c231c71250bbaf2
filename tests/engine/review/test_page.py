"""The page of a review in a real browser: its numbers, filters, comparison, marks and keyboard."""

import json
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from run_folders import make_run

from engine.review.blend import common_weeks, equal_risk
from engine.review.collection import collect
from engine.review.marks import read_mark, write_mark
from engine.review.page import page, write_page
from engine.review.server import ReviewServer

HOSTILE = "<img src=x onerror=alert(1)>\"'&\u202egnp.exe\u202c" + "x" * 300
ROWS = "#table tbody tr"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    out = tmp_path_factory.mktemp("review") / "runs"
    for seed in range(5):
        make_run(out, f"walk{seed}", seed=seed, sessions=300 + 20 * seed, drift=0.0004 * seed, tries=10**seed)
    make_run(out, "base", seed=9, config={"risk": {"base": 0.01}, "broker": {"commission": 0.001}})
    write_mark(make_run(out, HOSTILE, seed=7), "maybe", HOSTILE)
    return out


@pytest.fixture(scope="module")
def review(runs):
    return collect([runs])


@pytest.fixture(scope="module")
def file(runs, review):
    write_page(review, runs.parent / "review.html")
    return (runs.parent / "review.html").as_uri()


def names(tab):
    return [text.split(" tear-sheet")[0] for text in tab.locator("td.of-name").all_inner_texts()]


def cells(tab, key):
    return tab.locator(f"td.of-{key}").all_inner_texts()


def tick(tab, *chosen):
    for name in chosen:
        tab.locator(ROWS).filter(has=tab.locator(f"td.of-name a:text-is('{name}')")).locator(
            "input[type=checkbox]"
        ).check()


def number(text):
    return float(re.sub("[ %,]", "", text))


def test_figures_are_those_of_metrics_json(opened, file, review):
    tab = opened(file)
    tab.locator("th.of-name").click()
    tab.locator("th.of-name[aria-sort=ascending]").wait_for()
    by_name = {item.row.name: item for item in review.rows}
    assert len(names(tab)) == len(by_name)
    for row in tab.locator(ROWS).all():
        item = by_name[row.locator("td.of-name a").first.inner_text()]
        sharpe, tries, own, deflated, benchmark = (
            row.locator(f"td.of-{key}").inner_text()
            for key in ("sharpe", "tries", "deflated_sharpe", "deflated_sharpe_all", "benchmark_cagr")
        )
        assert number(own) == pytest.approx(1 / (1 + item.row.tries), abs=6e-4)
        assert number(benchmark) == 3.21
        assert number(sharpe) == pytest.approx(item.row.measures["sharpe"], rel=6e-4)
        assert number(tries) == item.row.tries
        assert number(deflated) == pytest.approx(item.deflated_all, abs=6e-4)


def test_sorting_by_mouse_and_by_keyboard(opened, file):
    tab = opened(file)
    tab.locator("th.of-sharpe").click()
    tab.locator("th.of-sharpe[aria-sort=descending]").wait_for()
    found = [number(text) for text in cells(tab, "sharpe")]
    assert found == sorted(found, reverse=True)
    tab.locator("th.of-tries .dt-column-order").first.focus()
    tab.keyboard.press("Enter")
    tab.locator("th.of-tries[aria-sort=descending]").wait_for()
    found = [number(text) for text in cells(tab, "tries")]
    assert found == sorted(found, reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("walk", {"walk0", "walk1", "walk2", "walk3", "walk4"}),
        ("tries >= 100", {"walk2", "walk3", "walk4"}),
        ("tries >= 100 and tries < 10000", {"walk2", "walk3"}),
        ("walk name = walk3", {"walk3"}),
        ("mark = maybe", {HOSTILE}),
        ("to < 1999-01-01", set()),
    ],
)
def test_filters(opened, file, words, expected):
    tab = opened(file)
    tab.locator("#filter").fill(words)
    tab.locator("#filter-note:not(:empty)").wait_for()
    assert set(names(tab)) == expected


@pytest.mark.parametrize("words", ["luck > 1", "sharpe > many"])
def test_a_filter_that_means_nothing_is_said(opened, file, words):
    tab = opened(file)
    tab.locator("#filter").fill(words)
    tab.wait_for_selector("#filter-note.wrong")
    assert len(names(tab)) == 7


@pytest.mark.slow
def test_no_figure_depends_on_the_filter(opened, file, review):
    tab = opened(file)
    tab.locator("#filter").fill("tries >= 100")
    tab.locator("#filter-note:not(:empty)").wait_for()
    expected = {item.row.name: item.deflated_all for item in review.rows}
    assert len(names(tab)) == 3
    for name, text in zip(names(tab), cells(tab, "deflated_sharpe_all"), strict=True):
        assert number(text) == pytest.approx(expected[name], abs=6e-4)


def test_a_file_that_cannot_save_marks_says_so(opened, file):
    tab = opened(file)
    assert "review --serve" in tab.locator("#unserved").inner_text()


def test_the_name_opens_the_report(opened, file):
    links = opened(file).locator("td.of-name").first.locator("a")
    assert links.nth(0).get_attribute("href").endswith("/report.html")
    assert links.nth(1).get_attribute("href").endswith("/tearsheet.html")
    assert links.nth(1).inner_text() == "tear-sheet"


@pytest.mark.slow
def test_columns_are_chosen(opened, file):
    tab = opened(file)
    assert not tab.locator("th.of-sortino").is_visible()
    tab.locator("details.columns summary").click()
    tab.get_by_label("Sortino").check()
    assert tab.locator("th.of-sortino").is_visible()
    tab.keyboard.press("Escape")
    assert not tab.locator("#columns").is_visible()


def test_the_comparison_against_numpy(opened, file, review):
    tab = opened(file)
    chosen = ["walk0", "walk2", "walk4"]
    tick(tab, *chosen)
    by_name = {item.row.name: item.row for item in review.rows}
    shown = [head for head in tab.locator("table.matrix thead th").all_inner_texts() if head]
    common = common_weeks([by_name[name] for name in shown])
    matrix = [
        [float(text) for text in row.locator("td").all_inner_texts()]
        for row in tab.locator("table.matrix tbody tr").all()
    ]
    assert sorted(shown) == chosen
    assert re.search(r"week to \d{4}-\d{2}-\d{2}", tab.locator("#compared").inner_text())
    assert np.allclose(matrix, common.correlation, atol=2e-3)
    blend = equal_risk(common)
    sentence = tab.locator("p.blend").inner_text()
    numbers = re.findall(
        r"return ([-\d.]+) %, volatility ([\d.]+) %, Sharpe ratio ([-\d.]+), maximum drawdown (-[\d.]+)", sentence
    )
    total, volatility, sharpe, drawdown = map(float, numbers[0])
    assert total == pytest.approx(100 * (blend.wealth[-1] - 1), rel=5e-3)
    assert volatility == pytest.approx(100 * blend.volatility, rel=2e-3)
    assert sharpe == pytest.approx(blend.sharpe, rel=5e-3)
    assert drawdown == pytest.approx(100 * blend.max_drawdown, rel=5e-3)
    rows = [
        row.locator("td").all_inner_texts() for row in tab.locator("#compared table.narrow:not(.matrix) tbody tr").all()
    ]
    assert np.allclose([number(row[0]) / 100 for row in rows], blend.weights, atol=1e-3)
    assert np.allclose([number(row[1]) / 100 for row in rows], blend.risk_shares, atol=2e-3)
    assert np.allclose([number(row[2]) for row in rows], blend.sharpe_without, atol=1e-2)


def test_the_overlay_is_the_wealth_on_a_common_base(opened, file, review):
    tab = opened(file)
    tick(tab, "walk1", "walk3")
    drawn = tab.evaluate("timeCharts.drawn[0].spec.panels[0].lines.map(line => [line.label, line.values])")
    by_name = {item.row.name: item.row for item in review.rows}
    common = common_weeks([by_name[name] for name, _ in drawn])
    for column, (_, values) in enumerate(drawn):
        assert np.allclose(values[1:], np.cumprod(1 + common.returns[:, column]), rtol=2e-4)


@pytest.mark.slow
def test_curves_at_equal_volatility_against_numpy(opened, file, review):
    tab = opened(file)
    tick(tab, "walk1", "walk3")
    tab.get_by_role("radio", name="equal volatility").click()  # the box is made anew
    drawn = tab.evaluate("timeCharts.drawn[0].spec.panels[0].lines.map(line => [line.label, line.values])")
    by_name = {item.row.name: item.row for item in review.rows}
    returns = common_weeks([by_name[name] for name, _ in drawn]).returns
    scaled = returns * 0.1 / (returns.std(axis=0, ddof=1) * 52**0.5)
    for column, (_, values) in enumerate(drawn):
        assert np.allclose(values[1:], np.cumprod(1 + scaled[:, column]), rtol=2e-3)
    assert "equal volatility, 10 % a year: " in tab.locator("#compared figure").get_attribute("data-sentence")
    assert "could not have been traded" in tab.locator(".scaling").inner_text()


@pytest.mark.slow
def test_the_comparison_has_the_order_of_the_table(opened, file):
    tab = opened(file)
    tab.locator("th.of-sharpe").click()
    tab.locator("th.of-sharpe[aria-sort=descending]").wait_for()
    tick(tab, "walk0", "walk4", "walk2")
    expected = [name for name in names(tab) if name in {"walk0", "walk2", "walk4"}]
    assert [text for text in tab.locator("table.matrix thead th").all_inner_texts() if text] == expected


@pytest.mark.slow
def test_settings_are_compared_with_the_pinned_run(opened, file):
    tab = opened(file)
    tick(tab, "walk1")
    row = tab.locator(ROWS).filter(has=tab.locator("td.of-name a:text-is('base')"))
    row.locator("input[type=radio]").check()
    table = tab.locator("table.settings")
    assert "base (pinned)" in table.locator("thead").inner_text()
    assert "from base" in table.locator("caption").inner_text()
    rows = {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()
    }
    assert set(rows) == {"broker.commission", "risk.base", "seed"}
    assert sorted(rows["risk.base"]) == ["0.01", "0.02"]
    assert "not set" in rows["broker.commission"]


def test_a_hostile_name_is_text(opened, file):
    tab = opened(file)
    assert HOSTILE in [text.split(" tear-sheet")[0] for text in cells(tab, "name")]
    assert tab.locator("#table img").count() == 0


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (390, "dark"),
        (1280, "light"),
        pytest.param(390, "light", marks=pytest.mark.slow),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
    ],
)
def test_no_sideways_scroll_of_the_page(opened, file, width, scheme):
    tab = opened(file, width=width, color_scheme=scheme)
    tick(tab, "walk0", "walk1", "base")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_keyboard_alone_ticks_and_filters(opened, file):
    tab = opened(file)
    tab.locator("#filter").focus()
    tab.keyboard.type("walk0")
    tab.locator("#filter-note:not(:empty)").wait_for()
    for _ in range(80):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.type") == "checkbox" and tab.evaluate(
            "!!document.activeElement.closest('#table')"
        ):
            break
    tab.keyboard.press("Space")
    assert tab.evaluate("review.ticked().length") == 1


def test_print_has_the_table_and_no_controls(opened, file):
    tab = opened(file)
    tab.emulate_media(media="print")
    assert not tab.locator(".filters").is_visible()
    assert tab.locator("td.of-name").first.is_visible()


def test_one_run_none_and_no_common_weeks(opened, tmp_path):
    make_run(tmp_path / "runs", "old", start="1999-01-04", seed=1)
    make_run(tmp_path / "runs", "new", start="2020-01-06", seed=2)
    write_page(collect([tmp_path / "runs"]), tmp_path / "review.html", pinned=list((tmp_path / "runs").iterdir()))
    tab = opened((tmp_path / "review.html").as_uri())
    assert "0 weeks in common" in tab.locator("#compared").inner_text()
    tab.get_by_text("Untick all").click()
    assert "Tick two or more" in tab.locator("#compared").inner_text()


# --- served


@pytest.fixture
def served(tmp_path):
    out = tmp_path / "runs"
    for seed in range(2):
        make_run(out, f"walk{seed}", seed=seed)
    folders = [Path(item.row.folder) for item in collect([out]).rows]
    server = ReviewServer(folders, lambda: page(collect([out]), served=folders))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def marking(tab, name):
    return tab.locator(ROWS).filter(has=tab.locator(f"td.of-name a:text-is('{name}')")).locator(".marking")


def test_a_mark_is_saved_and_two_windows_lose_none(opened, served):
    first, second = opened(served.url), opened(served.url)
    marking(first, "walk0").locator("select").select_option("keep")
    first.locator(".saved", has_text="saved").wait_for()
    assert read_mark(served.folders[0]).mark == "keep"
    marking(second, "walk1").locator("input").fill(HOSTILE[:200])
    marking(second, "walk1").locator("input").press("Enter")
    second.locator(".saved", has_text="saved").wait_for()
    assert read_mark(served.folders[1]).note == HOSTILE[:200]
    assert read_mark(served.folders[0]).mark == "keep"
    assert json.loads((served.folders[0] / "review.json").read_text())["revision"] == 1
