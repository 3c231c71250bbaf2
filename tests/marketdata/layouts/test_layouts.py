"""Every vendor's file is recognised, and its bars come back as they were written."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from vendor_files import DAILY, HOURLY, WRITERS, bars, days, hours, packed, yahoo_old

from core.errors import DataError
from core.plugins import kinds, load
from core.types import COLUMNS
from marketdata.data_spec import DataSpec
from marketdata.layouts.base import Head, letters

EXACT = {"databento": 1e-9}  # prices in units of 1e-9 are divided


def spec_of(file, folder, **source):
    path = folder / file.name
    path.write_bytes(file.content)
    return DataSpec.parse(
        {"source": {"kind": file.kind, "files": {"AAPL": str(path)}, **file.source, **source}, **file.data}
    )


def bars_of(file, folder):
    market = spec_of(file, folder).load()
    return market, market.bars["AAPL"]


def assert_equal(file, loaded, frame):
    for name in COLUMNS:
        values = getattr(loaded, name)
        if file.name == "bars.csv" and name != "volume":
            np.testing.assert_allclose(values, frame[name], rtol=1e-12)
        else:
            assert values.tolist() == frame[name].tolist(), name
    if file.hourly:
        assert loaded.times.tolist() == (frame.index + pd.Timedelta(hours=1)).tz_localize("UTC").tolist()
    else:
        zone = file.data.get("session_close", "23:59 UTC").split()[1]
        assert loaded.times.tz_convert(zone).tz_localize(None).normalize().tolist() == frame.index.tolist()


@pytest.mark.parametrize("writer", WRITERS)
def test_a_vendors_file_is_recognised_and_read_exactly(writer, tmp_path):
    frame = bars(hours() if writer in HOURLY else days())
    file = WRITERS[writer](frame)
    spec = spec_of(file, tmp_path)
    [(_, raw)] = spec.source.each_table()
    assert raw.recognition.layout == file.layout
    market, loaded = bars_of(file, tmp_path)
    assert_equal(file, loaded, frame)
    assert market.reading["AAPL"] == raw.recognition.text
    assert raw.recognition.text.startswith(load("marketdata.layouts", file.layout).title)


def test_every_layout_has_a_file_here():
    made = {WRITERS[writer](bars(hours() if writer in HOURLY else days())).layout for writer in WRITERS}
    assert made == set(kinds("marketdata.layouts"))


@pytest.mark.parametrize("writer", WRITERS)
def test_no_two_vendors_claim_one_file(writer, tmp_path):
    from marketdata.reading.assemble import layouts

    frame = bars(hours() if writer in HOURLY else days())
    file = WRITERS[writer](frame)
    if file.kind != "csv":
        return
    from marketdata.reading.content import text_of
    from marketdata.reading.head import form_of

    head = form_of(text_of(file.content, "A").content, file.name).head
    claims = [layout for layout in layouts() if type(layout).rank > 0 and layout.recognises(head)]
    best = [layout for layout in claims if type(layout).rank == type(claims[0]).rank]
    assert [layout.kind for layout in best] == ([] if file.layout == "generic" else [file.layout])


cents = st.integers(1, 10**7).map(lambda number: number / 100)


@st.composite
def series(draw, hourly):
    count = draw(st.integers(12, 20))
    quotes = np.sort(np.array(draw(st.lists(st.tuples(*[cents] * 4), min_size=count, max_size=count))), axis=1)
    start = pd.Timestamp("2002-01-01") + pd.Timedelta(days=draw(st.integers(0, 6500)))
    steps = draw(st.lists(st.integers(1, 4), min_size=count, max_size=count))
    steps = np.cumsum([0, *steps[:-1]])
    # At least half of the steps are of one hour, so that it is the length of a bar.
    index = start + pd.to_timedelta(np.arange(count) if hourly else steps, unit="h" if hourly else "D")
    volume = [float(number) * 1000 for number in draw(st.lists(st.integers(1, 10**6), min_size=count, max_size=count))]
    values = {"open": quotes[:, 1], "high": quotes[:, 3], "low": quotes[:, 0], "close": quotes[:, 2], "volume": volume}
    return pd.DataFrame(values, index=pd.DatetimeIndex(index))


@pytest.mark.parametrize("writer", WRITERS)
@given(data=st.data())
@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_any_series_comes_back_equal(writer, data, tmp_path_factory):
    frame = data.draw(series(writer in HOURLY))
    file = WRITERS[writer](frame)
    _, loaded = bars_of(file, tmp_path_factory.mktemp("series"))
    assert_equal(file, loaded, frame)


@pytest.mark.parametrize("how", ["gz", "zip", "zst", "xz"])
def test_a_packed_file_is_unpacked(how, tmp_path):
    frame = bars(days())
    market, loaded = bars_of(packed(yahoo_old(frame), how), tmp_path)
    assert_equal(yahoo_old(frame), loaded, frame)
    assert {"gz": "gzip", "zip": "zip", "zst": "zstandard", "xz": "xz"}[how] in market.reading["AAPL"]


def test_recognition_is_said_in_words(tmp_path):
    market, _ = bars_of(HOURLY["binance"](bars(hours())), tmp_path)
    assert market.reading["AAPL"] == "Binance klines: no header, epoch ms, stamped at their close"
    assert "AAPL: read as Binance klines: no header, epoch ms, stamped at their close" in market.notes


def test_a_layout_can_be_pinned(tmp_path):
    frame = bars(hours())
    file = HOURLY["histdata"](frame)
    spec = spec_of(file, tmp_path, layout="histdata")
    assert spec.load().bars["AAPL"].close.tolist() == frame["close"].tolist()


def test_names_are_compared_by_their_letters():
    assert letters("<CLOSE>") == "close"
    assert letters("Eröffn.") == "eröffn"
    assert letters("adj_close") == "adjclose"
    assert Head("", ("<DATE>", "Close/Last"), ()).has("date", "closelast")
    assert DAILY


def test_a_cell_that_is_no_number_is_named_where_prices_have_a_unit_of_their_own(tmp_path):
    file = WRITERS["databento"](bars(days()))
    lines = file.content.split(b"\n")
    lines[3] = lines[3].replace(b"000", b":", 1)
    (tmp_path / file.name).write_bytes(b"\n".join(lines))
    spec = DataSpec.parse(
        {"source": {"kind": "csv", "files": {"AAPL": str(tmp_path / file.name)}, **file.source}, **file.data}
    )
    with pytest.raises(DataError, match=r"row 3 \(line 4"):
        spec.load()
