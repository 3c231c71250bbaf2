"""Pictures as inline SVG."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from engine.pages.svg_charts import PIXELS, bars, canvas, envelope, styled, svg

DAYS = pd.bdate_range("2000-01-03", periods=5000)


@styled
def line(label="walk"):
    figure, (axis,) = canvas(2.0)
    axis.plot(DAYS, np.sin(np.arange(5000) / 300), label=label)
    axis.legend()
    return figure


def test_an_svg_has_its_text_twice_and_asks_for_nothing():
    found = svg(line(), 'a "sine" & more')
    assert found.startswith('<svg role="img" aria-label="a &quot;sine&quot; &amp; more" viewBox="0 0 ')
    assert "<title>a &quot;sine&quot; &amp; more</title>" in found
    assert found.endswith("</svg>")
    assert not [word for word in ("http", "xmlns", "xlink", "<style", "<metadata", "DejaVu", "NaN") if word in found]


def test_equal_pictures_are_equal_bytes_whatever_the_users_settings():
    first = svg(line(), "a")
    with mpl.rc_context({"lines.linewidth": 9.0, "font.family": ["Arial"], "axes.facecolor": "black"}):
        assert svg(line(), "a") == first


def test_text_stays_text_and_dollars_stay_dollars():
    assert ">$A to $B</text>" in svg(line("$A to $B"), "a")


def test_a_missing_font_is_never_looked_for(caplog):
    svg(line(), "a")
    assert "findfont" not in caplog.text


@given(st.integers(1, 4000), st.integers(0, 10))
def test_the_envelope_keeps_the_extremes_and_fits_the_pixels(count, seed):
    series = pd.Series(np.random.default_rng(seed).normal(size=count), index=DAYS[:count])
    places, low, high = envelope(series)
    assert len(places) == len(low) == len(high) <= PIXELS
    assert low.min() == min(series.min(), 0.0)
    assert high.max() == max(series.max(), 0.0)
    assert (low <= 0).all()
    assert (high >= 0).all()


def test_thousands_of_values_stay_a_small_picture():
    series = pd.Series(np.random.default_rng(1).normal(size=5000), index=DAYS)

    @styled
    def picture():
        figure, (axis,) = canvas(2.0)
        bars(axis, series, "#123456")
        return figure

    found = svg(picture(), "a")
    assert len(found) < 60_000
    assert found.count("#123456") <= 2  # one element, not one a value
