"""The blocks of charts over time, read back as the page's script reads them."""

import base64
import html
import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pages.time_charts import Line, Marks, Panel, extremes, kept_rows, time_chart

DAYS = pd.bdate_range("2010-01-01", periods=600)
KINDS = {"u1": "<u1", "u2": "<u2", "u4": "<u4", "i4": "<i4"}


def numbers(line):
    """The values of a line, decoded."""
    steps = np.frombuffer(base64.b64decode(line["data"]), KINDS[line["kind"]])
    values = line["base"] + line["step"] * steps
    return np.where((steps == 0) & (line["kind"] == "u2"), np.nan, values)


def block(text):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)[1])


def times(spec):
    steps = np.frombuffer(base64.b64decode(spec["steps"]), KINDS[spec["stepKind"]])
    return pd.to_datetime((spec["first"] + np.concatenate([[0], np.cumsum(steps)])) * spec["unit"], unit="s")


def walk(count, seed=1):
    return np.random.default_rng(seed).normal(0, 0.01, count).cumsum()


def test_times_and_values_come_back():
    ratio = np.where(np.arange(600) < 100, np.nan, walk(600))
    wealth = 10_000 * np.exp(walk(600, 2))
    panels = [
        Panel("Equity", [Line("a", wealth)], unit="money"),
        Panel("Sharpe", [Line("b", ratio, "ochre")], unit="ratio"),
    ]
    spec = block(time_chart(DAYS, panels, "Two lines."))
    assert times(spec).tolist() == DAYS.tolist()
    np.testing.assert_allclose(numbers(spec["panels"][0]["lines"][0]), wealth, atol=0.0005)
    found = numbers(spec["panels"][1]["lines"][0])
    assert np.isnan(found).tolist() == np.isnan(ratio).tolist()
    np.testing.assert_allclose(found, ratio, rtol=0, atol=0.51 * (np.nanmax(ratio) - np.nanmin(ratio)) / 65_534)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5, 1e9, 1e13])
def test_money_is_exact_to_eight_digits(scale):
    wealth = scale * np.exp(walk(50))
    (line,) = block(time_chart(DAYS[:50], [Panel("a", [Line("a", wealth)], unit="money")], "a"))["panels"][0]["lines"]
    np.testing.assert_allclose(numbers(line), wealth, rtol=1e-8)


@pytest.mark.parametrize("freq", ["h", "min"])
def test_intraday_times_come_back(freq):
    stamps = pd.date_range("2024-01-01 09:30", periods=50, freq=freq)
    spec = block(time_chart(stamps, [Panel("a", [Line("a", walk(50))])], "a"))
    assert spec["unit"] == 60
    assert times(spec).tolist() == stamps.tolist()


@pytest.mark.parametrize("values", [np.zeros(3), np.full(3, np.nan), np.array([1.0, np.inf, np.nan])])
def test_odd_values_are_gaps_or_constants(values):
    (line,) = block(time_chart(DAYS[:3], [Panel("a", [Line("a", values)])], "a"))["panels"][0]["lines"]
    np.testing.assert_allclose(numbers(line), np.where(np.isfinite(values), values, np.nan))


def test_half_a_million_points_keep_every_extreme_and_say_so():
    count = 500_000
    stamps = pd.date_range("2000-01-01", periods=count, freq="min")
    values = walk(count)
    text = time_chart(stamps, [Panel("a", [Line("a", values)], unit="price")], "Minutes.")
    spec = block(text)
    found = numbers(spec["panels"][0]["lines"][0])
    assert len(found) == len(times(spec)) < 4000
    assert found.max() == pytest.approx(values.max(), abs=1e-7)
    assert found.min() == pytest.approx(values.min(), abs=1e-7)
    assert f"Drawn from {len(found):,} of 500,000 points" in text
    assert len(text) < 100_000


@given(st.integers(1, 500), st.integers(1, 60), st.integers(0, 20))
def test_the_extremes_of_each_stretch_are_kept(count, stretches, seed):
    values = np.random.default_rng(seed).normal(size=count)
    rows = extremes(values, stretches)
    width = -(-count // stretches)
    for start in range(0, count, width):
        part = values[start : start + width]
        kept = values[rows[(rows >= start) & (rows < start + width)]]
        assert (kept.min(), kept.max()) == (part.min(), part.max())
    assert len(rows) <= 2 * stretches


def test_marks_are_kept_and_point_at_their_times():
    values = walk(5000)
    rows = np.array([17, 1234, 4999])
    none = np.full(3, np.nan)
    marks = Marks("Entry", rows, values[rows], ["entry:"] * 3, np.array([1.0, 2.0, 3.0]), none, "up", "blue")
    panel = Panel("a", [Line("a", values)], marks=[marks])
    kept = kept_rows([panel], 5000, 1000)
    assert set(rows) <= set(kept)
    stamps = pd.bdate_range("2000-01-03", periods=5000)
    spec = block(time_chart(stamps, [panel], "a", points=1000))
    (found,) = spec["panels"][0]["marks"]
    assert times(spec)[found["at"]].tolist() == stamps[rows].tolist()
    assert found["size"] == [1.0, 2.0, 3.0]
    assert "gain" not in found


def test_a_log_axis_is_offered_only_above_zero():
    for values, offered in ((np.array([1.0, 2.0]), True), (np.array([1.0, 0.0]), False), (np.full(2, np.nan), False)):
        spec = block(time_chart(DAYS[:2], [Panel("a", [Line("a", values)], log=True)], "a"))
        assert spec["panels"][0]["log"] is offered


def test_labels_and_sentences_are_text():
    name = "</script><b>\"'&"
    text = time_chart(DAYS[:3], [Panel(name, [Line(name, walk(3))])], name)
    assert block(text)["panels"][0]["lines"][0]["label"] == name
    assert "<b>" not in text
    assert html.unescape(re.search(r'data-sentence="([^"]*)"', text)[1]) == name


def test_the_twin_has_the_text_and_stays_small():
    text = time_chart(
        pd.bdate_range("2000-01-03", periods=5000), [Panel("a", [Line("a", walk(5000))])], "A walk of years."
    )
    (picture,) = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert 'aria-label="A walk of years."' in picture
    assert len(picture) < 20_000
