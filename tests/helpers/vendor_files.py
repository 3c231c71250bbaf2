"""Files as vendors write them, from any bars: what the tests of layouts read back."""

# ruff: noqa: E731, E741 - one short function a vendor; o, h, l, c, v are what they are called

import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

PRICES = ["open", "high", "low", "close"]
NEW_YORK = {"session_close": "16:00 America/New_York"}


@dataclass(frozen=True)
class VendorFile:
    """One file: its name and bytes, the layout it should be recognised as, and the config that it needs.

    ``hourly``: its bars are hours that are stamped at their start in UTC; otherwise days, of which it holds the dates.
    """

    name: str
    content: bytes
    layout: str
    kind: str = "csv"
    hourly: bool = False
    source: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


def days(count: int = 30, first: str = "2020-01-06") -> pd.DatetimeIndex:
    return pd.bdate_range(first, periods=count)


def hours(count: int = 30, first: str = "2020-01-06") -> pd.DatetimeIndex:
    return pd.date_range(first, periods=count, freq="h")


def bars(index: pd.DatetimeIndex, seed: int = 1) -> pd.DataFrame:
    """Sound bars with two decimals and whole volumes."""
    random = np.random.default_rng(seed)
    close = (50 + random.normal(0, 1, len(index)).cumsum() * 0.5).round(2)
    opened = np.r_[close[:1], close[:-1]]
    high = (np.maximum(opened, close) + random.random(len(index))).round(2)
    low = (np.minimum(opened, close) - random.random(len(index))).round(2)
    volume = random.integers(1, 5000, len(index)).astype(float) * 1000
    return pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": volume}, index=index)


def text(number: float) -> str:
    return repr(float(number))


def lines(frame: pd.DataFrame, row: Callable[..., str], header: str = "", end: str = "\n") -> bytes:
    """A file of a header and one line a bar; ``row`` gets the stamp and the numbers as texts."""
    out = [header] if header else []
    for stamp, *numbers in frame.itertuples(name=None):
        out.append(row(stamp, *map(text, numbers)))
    return (end.join(out) + end).encode()


def ms(stamp: pd.Timestamp, unit: int = 1_000_000) -> int:
    return stamp.value // unit


def yahoo_old(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y-%m-%d},{o},{h},{l},{c},{c},{v}"
    return VendorFile("AAPL.csv", lines(f, row, "Date,Open,High,Low,Close,Adj Close,Volume"), "yahoo")


def yfinance_history(f):
    local = f.set_axis(f.index.tz_localize("America/New_York"))
    row = lambda t, o, h, l, c, v: f"{t.isoformat(sep=' ')},{o},{h},{l},{c},{v},0.0,0.0"
    header = "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits"
    return VendorFile("AAPL.csv", lines(local, row, header), "yahoo", data=NEW_YORK)


def yfinance_download(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y-%m-%d},{c},{h},{l},{o},{v}"
    header = "Price,Close,High,Low,Open,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,"
    return VendorFile("AAPL.csv", lines(f, row, header), "yahoo")


def stooq_english(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y-%m-%d},{o},{h},{l},{c},{v}"
    return VendorFile("aapl_us_d.csv", lines(f, row, "Date,Open,High,Low,Close,Volume"), "generic")


def stooq_polish(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y-%m-%d},{o},{h},{l},{c},{v}"
    return VendorFile("wig20_d.csv", lines(f, row, "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen"), "stooq")


def stooq_database(f):
    row = lambda t, o, h, l, c, v: f"AAPL.US,D,{t:%Y%m%d},000000,{o},{h},{l},{c},{v},0"
    header = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>"
    return VendorFile("aapl.us.txt", lines(f, row, header), "stooq")


def alpha_vantage(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y-%m-%d},{o},{h},{l},{c},{v}"
    header = "timestamp,open,high,low,close,volume"
    return VendorFile("daily.csv", lines(f[::-1], row, header, "\r\n"), "alpha_vantage" if len(f) > 1 else "generic")


def alpha_vantage_json(f):
    series = {
        f"{t:%Y-%m-%d}": {f"{n + 1}. {name}": text(value) for n, (name, value) in enumerate(row.items())}
        for t, row in f[::-1].iterrows()
    }
    meta = {"1. Information": "Daily Prices", "2. Symbol": "AAPL", "5. Time Zone": "US/Eastern"}
    content = json.dumps({"Meta Data": meta, "Time Series (Daily)": series}).encode()
    return VendorFile("aapl.json", content, "alpha_vantage", "json")


def tiingo(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y-%m-%d} 00:00:00+00:00,{c},{h},{l},{o},{v},{c},{h},{l},{o},{v},0.0,1.0"
    header = "date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor"
    return VendorFile("tiingo.csv", lines(f, row, header), "tiingo", data=NEW_YORK)


def tiingo_json(f):
    table = [
        {"date": f"{t:%Y-%m-%d}T00:00:00.000Z", **row, "adjClose": row["close"], "divCash": 0.0, "splitFactor": 1.0}
        for t, row in zip(f.index, f.to_dict("records"), strict=True)
    ]
    return VendorFile("tiingo.json", json.dumps(table).encode(), "tiingo", "json", data=NEW_YORK)


def binance(f, unit=1_000_000, header=""):
    def row(t, o, h, l, c, v):
        end = t + pd.Timedelta(hours=1) - pd.Timedelta(max(unit, 1), "ns")
        return f"{ms(t, unit)},{o},{h},{l},{c},{v},{end.value // unit},1.5,12,0.5,0.25,0"

    return VendorFile("BTCUSDT-1h-2020-01.csv", lines(f, row, header), "binance_klines", hourly=True)


def binance_us(f):
    return binance(f, 1_000)


def binance_named(f):
    names = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume"
    return binance(f, header=f"{names},taker_buy_quote_volume,ignore")


def crypto_data_download(f):
    def row(t, o, h, l, c, v):
        unix = ms(t) if t < f.index[len(f) // 2] else ms(t, 10**9)
        return f"{unix},{t:%Y-%m-%d %H:%M:%S},BTC/USD,{o},{h},{l},{c},{v},7.5"

    header = "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USD"
    return VendorFile("Gemini_BTCUSD_1h.csv", lines(f[::-1], row, header), "crypto_data_download", hourly=True)


def crypto_data_download_am_pm(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y-%m-%d %I-%p},BTCUSD,{o},{h},{l},{c},{v},7.5"
    header = "https://www.CryptoDataDownload.com\nDate,Symbol,Open,High,Low,Close,Volume BTC,Volume USD"
    return VendorFile("Coinbase_BTCUSD_1h.csv", lines(f[::-1], row, header), "crypto_data_download", hourly=True)


def ccxt(f):
    row = lambda t, o, h, l, c, v: f"{ms(t)},{o},{h},{l},{c},{v}"
    return VendorFile("btc.csv", lines(f, row, "timestamp,open,high,low,close,volume"), "ccxt", hourly=True)


def ccxt_json(f):
    table = [[ms(t), *map(float, row)] for t, *row in f.itertuples(name=None)]
    return VendorFile("BTC_USDT-1h.json", json.dumps(table).encode(), "ccxt", "json", hourly=True)


def dukascopy(f):
    row = lambda t, o, h, l, c, v: f"{t:%d.%m.%Y %H:%M:%S}.000,{o},{h},{l},{c},{v}"
    return VendorFile("EURUSD.csv", lines(f, row, "Gmt time,Open,High,Low,Close,Volume"), "dukascopy", hourly=True)


def dukascopy_local(f):
    row = lambda t, o, h, l, c, v: f"{t + pd.Timedelta(hours=1):%d.%m.%Y %H:%M:%S}.000 GMT+0100,{o},{h},{l},{c},{v}"
    return VendorFile("EURUSD.csv", lines(f, row, "Local time,Open,High,Low,Close,Volume"), "dukascopy", hourly=True)


def histdata(f):
    row = lambda t, o, h, l, c, v: f"{t - pd.Timedelta(hours=5):%Y%m%d %H%M%S};{o};{h};{l};{c};{v}"
    return VendorFile("DAT_ASCII_EURUSD_M1_2020.csv", lines(f, row), "histdata", hourly=True)


def histdata_metatrader(f):
    row = lambda t, o, h, l, c, v: f"{t - pd.Timedelta(hours=5):%Y.%m.%d,%H:%M},{o},{h},{l},{c},{v}"
    return VendorFile("DAT_MT_EURUSD_M1_2020.csv", lines(f, row), "histdata", hourly=True)


def metatrader4(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y.%m.%d,%H:%M},{o},{h},{l},{c},{v}"
    return VendorFile("EURUSD60.csv", lines(f, row), "metatrader", hourly=True, source={"stamp_zone": "UTC"})


def metatrader5(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y.%m.%d\t%H:%M:%S}\t{o}\t{h}\t{l}\t{c}\t{v}\t0\t5"
    header = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
    content = lines(f, row, header, "\r\n").decode().encode("utf-16")
    return VendorFile("EURUSD_H1.csv", content, "metatrader", hourly=True, source={"stamp_zone": "UTC"})


def barchart(f):
    row = lambda t, o, h, l, c, v: f"{t:%m/%d/%Y},{o},{h},{l},{c},0.1,+0.2%,{v}"
    below = b'"Downloaded from Barchart.com as of 03-02-2020 05:05am CST"\n'
    content = lines(f[::-1], row, "Time,Open,High,Low,Last,Change,%Chg,Volume") + below
    return VendorFile("aapl_daily_historical-data.csv", content, "barchart")


def nasdaq(f):
    row = lambda t, o, h, l, c, v: f"{t:%m/%d/%Y},${c},{int(float(v))},${o},${h},${l}"
    return VendorFile("HistoricalData.csv", lines(f[::-1], row, "Date,Close/Last,Volume,Open,High,Low"), "nasdaq")


def thousands(number: str) -> str:
    whole, _, rest = number.partition(".")
    return f"{int(whole):,}.{rest}"


def investing(f):
    row = lambda t, o, h, l, c, v: (
        f'"{t:%b %d, %Y}","{thousands(c)}","{thousands(o)}","{thousands(h)}","{thousands(l)}",'
        f'"{float(v) / 1e3!r}K","0.12%"'
    )
    header = '"Date","Price","Open","High","Low","Vol.","Change %"'
    content = b"\xef\xbb\xbf" + lines(f[::-1], row, header)
    return VendorFile("AAPL Historical Data.csv", content, "investing")


def comma(number: str) -> str:
    return number.replace(".", ",")


def investing_german(f):
    row = lambda t, o, h, l, c, v: (
        f'"{t:%d.%m.%Y}","{comma(c)}","{comma(o)}","{comma(h)}","{comma(l)}","{comma(repr(float(v) / 1e3))}K","0,12%"'
    )
    header = '"Datum","Zuletzt","Eröffn.","Hoch","Tief","Vol.","+/- %"'
    return VendorFile("AAPL Historische Daten.csv", lines(f[::-1], row, header), "investing")


def polygon(f):
    row = lambda t, o, h, l, c, v: f"AAPL,{v},{o},{c},{h},{l},{t.value},12"
    header = "ticker,volume,open,close,high,low,window_start,transactions"
    return VendorFile("2020-01-06.csv.gz", gzip.compress(lines(f, row, header)), "polygon", hourly=True)


def polygon_json(f):
    table = [
        {"v": v, "vw": c, "o": o, "c": c, "h": h, "l": l, "t": ms(t), "n": 3}
        for t, o, h, l, c, v in f.itertuples(name=None)
    ]
    content = json.dumps({"ticker": "AAPL", "status": "OK", "results": table}).encode()
    return VendorFile("aapl.json", content, "polygon", "json", hourly=True)


def databento(f):
    nano = lambda number: str(round(float(number) * 10**9))
    row = lambda t, o, h, l, c, v: f"{t.value},34,1,5482,{nano(o)},{nano(h)},{nano(l)},{nano(c)},{v},AAPL"
    header = "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol"
    return VendorFile("bars.csv", lines(f, row, header), "databento", hourly=True)


def databento_pretty(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y-%m-%dT%H:%M:%S}.000000000Z,34,1,5482,{o},{h},{l},{c},{v},AAPL"
    header = "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol"
    return VendorFile("bars.csv", lines(f, row, header), "databento", hourly=True)


def backtrader_csv(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y-%m-%d,%H:%M:%S},{o},{h},{l},{c},{v},0"
    header = "Date,Time,Open,High,Low,Close,Volume,OpenInterest"
    return VendorFile("2006-day-001.txt", lines(f, row, header), "backtrader")


def ibkr(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y%m%d  %H:%M:%S} UTC,{o},{h},{l},{c},{v},{c},12"
    return VendorFile("ib.csv", lines(f, row, "date,open,high,low,close,volume,average,barCount"), "ibkr", hourly=True)


def german(f):
    row = lambda t, o, h, l, c, v: f"{t:%d.%m.%Y};{comma(o)};{comma(h)};{comma(l)};{comma(c)};{int(float(v))}"
    return VendorFile("kurse.csv", lines(f, row, "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen"), "generic")


def french(f):
    row = lambda t, o, h, l, c, v: f"{t:%d/%m/%Y};{o};{h};{l};{c};{int(float(v))}"
    source = {"dayfirst": True}
    return VendorFile(
        "cours.csv", lines(f, row, "Date;Ouverture;Plus haut;Plus bas;Clôture;Volume"), "generic", source=source
    )


def excel_day_first(f):
    row = lambda t, o, h, l, c, v: f"{t.day}/{t.month}/{t:%y}\t{o}\t{h}\t{l}\t{c}\t{v}"
    return VendorFile(
        "book.csv", lines(f, row, "day\topen\thigh\tlow\tlast\tvol"), "generic", source={"dayfirst": True}
    )


def named_months(f):
    row = lambda t, o, h, l, c, v: f"{t:%d-%b-%y}|{o}|{h}|{l}|{c}|{v}"
    return VendorFile("book.txt", lines(f, row, "Date|Open|High|Low|Close|Volume"), "generic")


def pandas_index(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y-%m-%d},{o},{h},{l},{c},{v}"
    return VendorFile("frame.csv", lines(f, row, ",open,high,low,close,volume"), "generic")


def commented(f):
    row = lambda t, o, h, l, c, v: f"{t:%Y/%m/%d}, {o}, {h}, {l}, {c}, {v},"
    header = "# made by a script\n# second line\nDate, Open, High, Low, Close, Volume"
    return VendorFile("made.csv", lines(f, row, header) + b"# end of file\n", "generic")


def american_times(f):
    def row(t, o, h, l, c, v):
        return f"{t.month}/{t.day}/{t.year} {t:%I:%M %p},{o},{h},{l},{c},{v}"

    source = {"dayfirst": False, "stamp_zone": "UTC", "stamp": "start"}
    return VendorFile(
        "platform.csv", lines(f, row, "Time,Open,High,Low,Close,Volume"), "generic", hourly=True, source=source
    )


def packed(file: VendorFile, how: str) -> VendorFile:
    content = file.content
    if how == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(file.name, content)
        content = buffer.getvalue()
    elif how == "zst":
        import pyarrow as pa

        content = pa.compress(content, codec="zstd", asbytes=True)
    else:
        content = {"gz": gzip.compress, "xz": lzma.compress}[how](content)
    return VendorFile(f"{file.name}.{how}", content, file.layout, file.kind, file.hourly, file.source, file.data)


DAILY = {
    **{f.__name__: f for f in (yahoo_old, yfinance_history, yfinance_download, stooq_english, stooq_polish)},
    **{f.__name__: f for f in (stooq_database, alpha_vantage, alpha_vantage_json, tiingo, tiingo_json, barchart)},
    **{f.__name__: f for f in (nasdaq, investing, investing_german, backtrader_csv, german, french)},
    **{f.__name__: f for f in (excel_day_first, named_months, pandas_index, commented)},
}
HOURLY = {
    **{f.__name__: f for f in (binance, binance_us, binance_named, crypto_data_download, crypto_data_download_am_pm)},
    **{f.__name__: f for f in (ccxt, ccxt_json, dukascopy, dukascopy_local, histdata, histdata_metatrader)},
    **{f.__name__: f for f in (metatrader4, metatrader5, polygon, polygon_json, databento, databento_pretty, ibkr)},
    **{f.__name__: f for f in (american_times,)},
}
WRITERS = {**DAILY, **HOURLY}
