"""The pages of a run in a real browser: nothing outside the file, figures, charts, keyboard, print, accessibility."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from browser_page import NARROW, WIDE, opened

from core.number_format import format_value, money
from engine.config.yaml_layers import Layer
from engine.pages.report import write_report
from engine.pages.tearsheet.sheet_input import TearsheetInput
from engine.pages.tearsheet.write import problem, write_tearsheet
from engine.pipeline import compute
from engine.results.metrics_json import metrics
from engine.sweep.load_config import validate

HOSTILE = "<script>alert(1)</script>\"'&{{metrics}}\u202eabc" + "x" * 470


@pytest.fixture(scope="module")
def outcome(make_outcome):
    return make_outcome(bars=820, stop={"kind": "percent", "value": 0.02})


@pytest.fixture(scope="module")
def folder(outcome, tmp_path_factory):
    """A folder with both pages and metrics.json."""
    path = tmp_path_factory.mktemp("run")
    write_report(outcome, path / "report.html")
    write_tearsheet(TearsheetInput.of(outcome), path / "tearsheet.html")
    (path / "metrics.json").write_text(json.dumps(metrics(outcome)))
    return path


@pytest.fixture(scope="module")
def report(browser, folder):
    """The report, open and with all of its charts drawn."""
    with opened(browser, folder / "report.html") as page:
        page.draw_all()
        yield page


@pytest.mark.slow
def test_nothing_is_asked_for_and_nothing_is_said(report):
    assert report.asked == []
    assert report.said == []


def test_every_chart_is_drawn(report):
    assert report.page.locator("figure.chart").count() == report.page.locator("figure.chart.drawn").count() == 5
    assert report.page.locator("figure.failed").count() == 0
    assert report.page.locator(".twin:visible").count() == 0
    inked = """() => [...document.querySelectorAll('.plots canvas')].every(canvas =>
        canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(value => value > 0))"""
    assert report.page.evaluate(inked)


def test_the_first_screen_holds_the_answers_and_the_chart(report):
    heads = report.page.locator(".question h2").all_inner_texts()
    assert heads == ["Did it work?", "Is it luck?", "What did it cost?", "What could it lose?", "Can I trust it?"]
    boxes = [
        report.page.locator(name).first.bounding_box() for name in (".verdict", ".questions", "figure.chart .plots")
    ]
    assert all(box["y"] + box["height"] <= WIDE[1] for box in boxes)


def test_a_phone_shows_the_verdict_and_all_answers_before_any_scrolling(browser, folder):
    with opened(browser, folder / "report.html", NARROW) as page:
        boxes = [answer.bounding_box() for answer in page.page.locator(".question .answer").all()]
        tiles = [tile.bounding_box() for tile in page.page.locator(".tile").all()]
    assert len(boxes) == 5
    assert max(box["y"] + box["height"] for box in boxes) <= NARROW[1]
    assert min(tile["y"] for tile in tiles) >= max(box["y"] + box["height"] for box in boxes)


def test_the_figures_of_the_first_screen_are_those_of_the_metrics(report, folder):
    numbers = json.loads((folder / "metrics.json").read_text())
    known = {**numbers["measures"]["strategy"], **numbers["exposure"]}
    tiles = {
        tile.get_attribute("data-figure"): tile.inner_text()
        for tile in report.page.locator(".tile [data-figure]").all()
    }
    assert len(tiles) == 7
    for name, text in tiles.items():
        if name == "alpha_p_value":
            assert text == f"{numbers['verdict']['test']['p_value']:.3f}"
        elif name == "cost_drag":
            assert text == format_value(numbers["costs"]["total"]["drag"]["value"], "fraction")
        else:
            assert text == format_value(known[name]["value"], known[name]["unit"]), name


def test_the_last_value_of_the_chart_is_the_final_equity(report, folder):
    numbers = json.loads((folder / "metrics.json").read_text())
    first = report.page.locator("figure.chart .tick output").first
    assert first.inner_text() == money(numbers["final_equity"])


def test_a_mark_leads_to_the_definition_that_is_unfolded(report):
    report.page.evaluate("location.hash = '#def-sharpe'")
    report.page.wait_for_selector("#def-sharpe:visible")
    assert "standard deviation" in report.page.locator("#def-sharpe ~ dd.formula").first.inner_text()
    marks = report.page.evaluate("[...document.querySelectorAll('a.def')].map(mark => mark.hash.slice(1))")
    missing = [mark for mark in set(marks) if not report.page.evaluate(f"!!document.getElementById({mark!r})")]
    assert missing == []
    report.page.evaluate("location.hash = ''")


def test_a_mark_shows_its_definition_beside_it(report):
    page = report.page
    mark = page.locator("a.def[href='#def-max_drawdown']").first
    mark.click()
    tip = page.locator(".definition:popover-open")
    assert "Max drawdown" in tip.inner_text()
    assert tip.locator("code").count() == 1
    box = tip.bounding_box()
    assert 0 <= box["x"] <= 1280 - box["width"]
    page.keyboard.press("Escape")
    assert tip.count() == 0
    assert page.evaluate("location.hash") == ""


def test_zoom_by_mouse_is_shared_by_all_charts(report):
    scales = "timeCharts.drawn.map(chart => chart.charts[0].scales.x.min)"
    before = report.page.evaluate(scales)
    report.page.evaluate("scrollTo(0, 0)")
    box = report.page.locator("figure.chart .plots .u-over").first.bounding_box()
    report.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 30)
    report.page.mouse.down()
    report.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 30, steps=4)
    report.page.mouse.up()
    after = report.page.evaluate(scales)
    assert all(late > early for early, late in zip(before, after, strict=True))
    assert np.ptp(after) < 86400 * 15
    report.page.locator("figure.chart button", has_text="All").first.click()
    assert report.page.evaluate(scales) == before


def test_the_keyboard_moves_the_cursor_and_its_values_are_read_aloud(report, outcome):
    report.page.locator("figure.chart .plots").first.focus()
    report.page.keyboard.press("End")
    report.page.keyboard.press("ArrowLeft")
    said = report.page.locator("#said").inner_text()
    day = outcome.daily.index[-2]
    equity = outcome.result.cash * (1 + outcome.daily["strategy"]).cumprod().iloc[-2]
    assert said.startswith(f"{day:%F}: ")
    assert f"walk {money(equity)}" in said
    report.page.keyboard.press("+")
    assert report.page.evaluate("timeCharts.drawn[0].charts[0].scales.x.min > timeCharts.drawn[0].times[0]")
    report.page.keyboard.press("0")
    assert report.page.evaluate("timeCharts.drawn[0].charts[0].scales.x.min == timeCharts.drawn[0].times[0]")


def test_a_tick_shows_the_full_benchmark_and_a_button_the_log_axis(report):
    shown = "timeCharts.drawn[0].charts[0].series[3].show"
    assert not report.page.evaluate(shown)
    box = report.page.locator("figure.chart .tick input").nth(2)
    box.check()
    assert report.page.evaluate(shown)
    button = report.page.locator("figure.chart button", has_text="Log scale").first
    button.click()
    assert report.page.evaluate("timeCharts.drawn[0].charts[0].scales.y.distr") == 3
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    box.uncheck()


def test_hovering_a_mark_reads_the_fill(report, outcome):
    find = """() => {
        const entries = chart => chart.spec.panels[0].marks.find(marks => marks.label.startsWith('Entry long'));
        const chart = timeCharts.drawn.find(entries), marks = entries(chart);
        const plot = chart.charts[0];
        plot.over.scrollIntoView({block: 'center'});
        const frame = plot.over.getBoundingClientRect();
        const left = frame.x + plot.valToPos(chart.times[marks.at[0]], 'x');
        return [left, frame.y + plot.valToPos(marks.y[0], 'y'), marks.y[0]];
    }"""
    x, y, price = report.page.evaluate(find)
    report.page.mouse.move(x, y)
    hint = report.page.locator(".hint:visible").first.inner_text()
    assert re.search(r"\d{4}-\d\d-\d\d .* (entry|exit|stop|trimmed|added)", hint)
    fills = outcome.result.fills
    assert fills["price"].sub(price).abs().min() < 0.01


def test_the_values_of_a_chart_are_saved_as_csv(report, outcome):
    with report.page.expect_download() as download:
        report.page.locator("figure.chart button", has_text="CSV").first.click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 1 + len(outcome.daily)
    assert lines[0].startswith('"time","Equity, money: walk"')
    assert float(lines[-1].split(",")[1]) == pytest.approx(outcome.result.equity["equity"].iloc[-1], abs=0.005)


def test_a_table_sorts_by_the_keyboard(report):
    table = report.page.locator("table.sort").first
    head = table.locator("thead th button").nth(1)
    head.focus()
    report.page.keyboard.press("Enter")
    assert table.locator("thead th").nth(1).get_attribute("aria-sort") == "ascending"
    cells = [float(text.replace("%", "")) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]
    assert cells == sorted(cells)


def test_print_shows_the_pictures_and_unfolds(report):
    report.page.emulate_media(media="print")
    report.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert report.page.locator(".twin svg:visible").count() == 5
    assert report.page.locator(".plots:visible").count() == 0
    assert report.page.locator("details:not([open])").count() == 0
    report.page.evaluate("dispatchEvent(new Event('afterprint'))")
    report.page.emulate_media(media="screen")


def test_the_switch_of_the_colours_is_remembered(browser, folder):
    with opened(browser, folder / "report.html", scheme="light") as page:
        colour = "getComputedStyle(document.body).backgroundColor"
        light = page.page.evaluate(colour)
        page.page.select_option("#theme", "dark")
        dark = page.page.evaluate(colour)
        assert dark != light
        page.page.reload()
        assert page.page.evaluate(colour) == dark


def test_the_page_is_readable_without_scripts(browser, folder):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "report.html").as_uri())
    assert page.locator(".twin svg:visible").count() == 5
    assert page.locator("section").count() > 15
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["report.html", "tearsheet.html"])
@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide, light", "narrow, dark"])
def test_no_serious_finding_of_axe_and_no_sideways_scroll(browser, folder, name, size, scheme):
    with opened(browser, folder / name, size, scheme) as page:
        page.unfold()
        if name == "report.html":
            page.draw_all()
        assert page.sideways() == 0
        assert page.serious() == []
        assert (page.said, page.asked) == ([], [])


@pytest.mark.slow
def test_hostile_names_are_text(browser, make_outcome, tmp_path):
    run = make_outcome(bars=120, name=HOSTILE, symbol="<img src=x onerror=alert(2)>")
    write_report(run, tmp_path / "report.html")
    write_tearsheet(TearsheetInput.of(run), tmp_path / "tearsheet.html")
    for name in ("report.html", "tearsheet.html"):
        with opened(browser, tmp_path / name, NARROW) as page:
            page.unfold()
            if name == "report.html":
                page.draw_all()
            assert page.page.locator("img").count() == 0
            assert (page.said, page.asked) == ([], [])
            assert page.sideways() == 0
            assert HOSTILE.partition("\u202e")[0] in page.page.locator("h1").inner_text()


def test_no_script_but_the_pages_own_may_run(browser, folder, tmp_path):
    text = (folder / "report.html").read_text(encoding="utf-8")
    changed = text.replace("</main>", '<script>window.foreign = 1</script><img src="https://example.org/a.png"></main>')
    (tmp_path / "report.html").write_text(changed, encoding="utf-8")
    with opened(browser, tmp_path / "report.html") as page:
        assert page.page.evaluate("window.foreign") is None
        assert page.asked == []
        assert any("Content Security Policy" in text for text in page.said)


def no_trades(make_outcome, folder):
    return make_outcome(bars=200, base=1e-9)


def one_trade(make_outcome, folder):
    run = make_outcome(bars=200)
    tables = {name: getattr(run.result, name).head(1) for name in ("trades", "fills")}
    return replace(run, result=replace(run.result, **tables))


def one_day(make_outcome, folder):
    run = make_outcome(bars=24)
    return replace(run, daily=run.daily.iloc[:1])


def all_losses(make_outcome, folder):
    return make_outcome(bars=300, skill=-1.0)


def ruin(make_outcome, folder):
    run = make_outcome(bars=300)
    daily = run.daily.assign(strategy=np.where(np.arange(len(run.daily)) == 200, -1.0, run.daily["strategy"]))
    return replace(run, daily=daily)


def no_forecasts(make_outcome, folder):
    return make_outcome(bars=300, trains=False)


def files_of(folder, count, freq):
    """Random bars of some symbols in CSV files, by symbol."""
    files = {}
    for number in range(count):
        rng = np.random.default_rng(number)
        close = 100 * np.exp(rng.normal(0, 0.01, 260).cumsum())
        times = pd.bdate_range("2020-01-01", periods=260) if freq == "B" else hours(260)
        bars = {"Date": times, "Open": close, "High": close * 1.01, "Low": close * 0.99, "Close": close, "Volume": 1e6}
        files[f"S{number}"] = str(folder / f"S{number}.csv")
        pd.DataFrame(bars).to_csv(files[f"S{number}"], index=False)
    return files


def hours(count):
    """The hours from 10 to 16 of business days."""
    days = pd.bdate_range("2020-01-01", periods=count // 7 + 1)
    return pd.DatetimeIndex([day + pd.Timedelta(hours=hour) for day in days for hour in range(10, 17)][:count])


def run_of(folder, count, freq="B"):
    zone = {} if freq == "B" else {"stamp_zone": "UTC"}
    values = {
        "data": {"source": {"kind": "csv", "files": files_of(folder, count, freq), **zone}},
        "model": {"kind": "sma_cross", "fast": 3, "slow": 10},
        "strategy": {"kind": "threshold"},
        "measures": {"intervals": {"reps": 0}, "var_methods": []},
    }
    return compute(validate(Layer(values, {}), "odd"))


def hourly(make_outcome, folder):
    return run_of(folder, 1, "h")


def fifty_symbols_without_a_benchmark(make_outcome, folder):
    return run_of(folder, 50)


ODD = (no_trades, one_trade, one_day, all_losses, ruin, no_forecasts, hourly, fifty_symbols_without_a_benchmark)


@pytest.mark.slow
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.__name__)
def test_odd_runs(browser, make_outcome, tmp_path, odd):
    run = odd(make_outcome, tmp_path)
    write_report(run, tmp_path / "report.html", no_tearsheet="too short")
    pages = ["report.html"]
    if not problem(run.daily):
        write_tearsheet(TearsheetInput.of(run), tmp_path / "tearsheet.html")
        pages.append("tearsheet.html")
    assert (tmp_path / "report.html").stat().st_size < 600_000
    for name in pages:
        for size in (WIDE, NARROW):
            with opened(browser, tmp_path / name, size) as page:
                page.unfold()
                if name == "report.html":
                    page.draw_all()
                assert (page.said, page.asked, page.sideways()) == ([], [], 0)
                assert page.page.locator("figure.failed").count() == 0
                text = page.page.locator("body").inner_text()
                assert not re.search(r"\b(nan|NaN|Infinity)\b", text)
