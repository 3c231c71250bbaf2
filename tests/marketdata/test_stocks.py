"""The stocks' known facts: what the file holds, how it is adjusted, and that it is the published one."""

import datetime as dt
import gzip
import hashlib
import io

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from marketdata.data_spec import DataSpec
from marketdata.sources import stocks
from marketdata.sources.sample import Sample
from marketdata.sources.stocks import DIGEST, PATH, Stocks

ALL = ("AAPL", "GOOG", "IBM", "MSFT", "FB")


@pytest.fixture(scope="module")
def market():
    return DataSpec(source=Stocks(symbols=ALL), benchmark="IBM").load()


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    """The file as pandas alone reads it."""
    return pd.read_csv(io.BytesIO(gzip.decompress(PATH.read_bytes())), parse_dates=["Date"])


def test_the_file_is_the_one_of_the_licence_inventory():
    assert hashlib.sha256(PATH.read_bytes()).hexdigest() == DIGEST
    notice = PATH.with_name("NOTICE.md").read_text(encoding="utf-8")
    assert DIGEST in notice
    assert "public domain" in notice
    assert "Quandl" in notice


@pytest.mark.parametrize(
    ("symbol", "rows", "start", "closes", "adjusted"),
    [
        ("AAPL", 3270, "2000-03-01", (130.31, 430.47), (4.1867, 56.1374)),
        ("GOOG", 2148, "2004-08-19", (100.335, 806.19), (50.3228, 404.3432)),
        ("IBM", 3270, "2000-03-01", (100.25, 202.91), (73.6677, 175.2712)),
        ("MSFT", 3270, "2000-03-01", (90.81, 27.95), (30.2257, 24.6843)),
    ],
)
def test_rows_dates_and_closes(market, raw, symbol, rows, start, closes, adjusted):
    bars = market.bars[symbol]
    rows_of_symbol = raw[raw["Ticker"] == symbol]
    assert len(bars) == len(rows_of_symbol) == rows
    assert (f"{bars.times[0]:%F}", f"{bars.times[-1]:%F %H:%M}") == (start, "2013-03-01 21:00")
    assert (rows_of_symbol["Close"].iloc[0], rows_of_symbol["Close"].iloc[-1]) == closes
    assert (round(bars.close[0], 4), round(bars.close[-1], 4)) == adjusted
    np.testing.assert_allclose(bars.close, rows_of_symbol["Adj Close"], rtol=1e-14)


def test_fb_is_short(market):
    assert len(market.bars["FB"]) == 196
    assert f"{market.bars['FB'].times[0]:%F}" == "2012-05-18"


@pytest.mark.parametrize("symbol", ALL)
def test_a_bars_prices_share_one_factor_and_turnover_stays(market, raw, symbol):
    bars = market.bars[symbol]
    rows_of_symbol = raw[raw["Ticker"] == symbol]
    factor = (rows_of_symbol["Adj Close"] / rows_of_symbol["Close"]).to_numpy()
    for name in ("open", "high", "low"):
        np.testing.assert_allclose(getattr(bars, name), rows_of_symbol[name.title()].to_numpy() * factor, rtol=1e-14)
    np.testing.assert_allclose(bars.volume * bars.close, rows_of_symbol["Volume"] * rows_of_symbol["Close"], rtol=1e-12)


@pytest.mark.parametrize(
    ("symbol", "day", "raw_return", "adjusted_return"),
    [
        ("AAPL", "2000-06-21", -0.45, 0.10),
        ("AAPL", "2005-02-28", -0.496, 0.008),
        ("MSFT", "2003-02-18", -0.484, 0.032),
        ("MSFT", "2004-11-15", -0.086, 0.017),
        ("AAPL", "2000-09-29", -0.519, -0.519),  # a profit warning: this one is real
    ],
)
def test_splits_and_dividends_are_no_moves_of_the_price(market, raw, symbol, day, raw_return, adjusted_return):
    closes = raw[raw["Ticker"] == symbol].set_index("Date")["Close"].pct_change()
    bars = market.bars[symbol]
    adjusted = pd.Series(bars.close, index=bars.times.tz_localize(None).normalize()).pct_change()
    assert closes[day] == pytest.approx(raw_return, abs=0.01)
    assert adjusted[day] == pytest.approx(adjusted_return, abs=0.01)


def test_no_note_of_a_split_and_no_bar_at_odds_with_itself(market):
    assert not [note for note in market.notes if "rounding" in note]
    jumps = [note for note in market.notes if "jumps" in note]
    assert len(jumps) == 1
    assert jumps[0].startswith("AAPL")
    assert "on 2000-09-29: a split" in jumps[0]


def test_the_days_are_those_of_the_index(market):
    index = DataSpec(source=Sample(symbols=("sp500",)), start=dt.date(2000, 3, 1), end=dt.date(2013, 3, 1))
    assert index.load().bars["sp500"].times.equals(market.bars["AAPL"].times)


def test_a_changed_file_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "stocks.csv.gz"
    path.write_bytes(b"other")
    monkeypatch.setattr(stocks, "PATH", path)
    with pytest.raises(DataError, match=r"the sample has changed: SHA-256 \w{16}, not 5abadf99b2d394f9; restore"):
        Stocks().tables()
