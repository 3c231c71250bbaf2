"""The sample's known facts, and that it is told when its files change."""

import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec

import pytest
from pydantic import ValidationError

from core.errors import DataError
from marketdata.data_spec import DataSpec
from marketdata.sources.sample import DIGESTS, Sample


@pytest.fixture(scope="module")
def market():
    return DataSpec(source=Sample(symbols=("nasdaq", "sp500")), benchmark="sp500").load()


@pytest.mark.parametrize(
    ("symbol", "first", "last"), [("nasdaq", 2208.050049, 6635.279785), ("sp500", 1228.099976, 2506.850098)]
)
def test_rows_dates_and_closes(market, symbol, first, last):
    bars = market.bars[symbol]
    assert len(bars) == 5031
    assert (bars.close[0], bars.close[-1]) == (first, last)
    assert f"{bars.times[0]:%Y-%m-%d %H:%M}" == "1999-01-04 21:00"
    assert f"{bars.times[-1]:%Y-%m-%d %H:%M}" == "2018-12-31 21:00"
    assert bars.times.is_monotonic_increasing
    assert bars.times.is_unique


def test_both_files_have_the_same_days(market):
    assert market.bars["nasdaq"].times.equals(market.bars["sp500"].times)
    assert (market.trade, market.benchmark, market.zone) == (("nasdaq",), "sp500", "America/New_York")
    assert list(market.bars) == ["nasdaq", "sp500"]


def test_the_session_closes_at_four_in_new_york_all_year(market):
    times = market.times
    summer = times[(times.month >= 5) & (times.month <= 9)]
    winter = times[(times.month == 12) | (times.month <= 2)]
    assert set(summer.hour) == {20}
    assert set(winter.hour) == {21}
    assert set(times.tz_convert("America/New_York").hour) == {16}


def test_digests_are_the_pinned_ones():
    digests = DataSpec(source=Sample(symbols=("nasdaq", "sp500")), benchmark="sp500").digests()
    assert {name: value[:16] for name, value in digests.items()} == {
        "nasdaq": "b2009535343ebb14",
        "sp500": "1e028cbb9c400cc0",
    }
    assert digests == DIGESTS


def test_what_is_odd_is_noted():
    both = {"kind": "sample", "symbols": ["nasdaq", "sp500"]}
    volume, opens = DataSpec.parse({"source": both, "benchmark": "nasdaq", "trade": ["nasdaq", "sp500"]}).load().notes
    assert volume == "nasdaq: volume is 0 on 2 bars: 2015-05-12, 2018-01-09"
    assert opens.startswith("sp500: 51% of opens are the previous close, in 1999-2007, 2012 more than half")
    assert opens.endswith("a next-open fill there is a fill at the signal close")


def test_opens_that_no_order_is_filled_at_are_of_no_concern(market):
    assert market.trade == ("nasdaq",)
    assert not any(note.startswith("sp500") for note in market.notes)


def test_the_default_is_the_nasdaq_alone():
    assert Sample().dump() == {"kind": "sample", "symbols": ["nasdaq"]}
    assert DataSpec.parse({"source": {"kind": "sample"}}).benchmark_symbol == "nasdaq"


@pytest.mark.parametrize(
    ("symbols", "match"),
    [(["nasdaq", "nasdaq"], "each symbol once"), ([], "at least 1"), (["dax"], "'nasdaq' or 'sp500'")],
)
def test_symbols_are_checked(symbols, match):
    with pytest.raises(ValidationError, match=match):
        Sample.parse({"symbols": symbols})


def arch_in(monkeypatch, spec: ModuleSpec | None) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)


def test_without_arch(monkeypatch):
    arch_in(monkeypatch, None)
    with pytest.raises(DataError, match=r"arch is not installed; install arch 8\.0\.0"):
        Sample().tables()


def test_without_its_files(monkeypatch, tmp_path):
    arch_in(monkeypatch, ModuleSpec("arch", None, origin=str(tmp_path / "__init__.py")))
    with pytest.raises(DataError, match=r"nasdaq \(.*nasdaq\.csv\.gz\): the file cannot be read: No such file"):
        Sample().tables()


def test_with_other_files(monkeypatch, tmp_path):
    path = tmp_path / "data" / "nasdaq" / "nasdaq.csv.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"other prices")
    arch_in(monkeypatch, ModuleSpec("arch", None, origin=str(tmp_path / "__init__.py")))
    with pytest.raises(DataError, match=r"the sample has changed: SHA-256 \w{16}, not b2009535343ebb14; install arch"):
        Sample().tables()


def test_arch_is_never_imported():
    code = (
        "import sys; from marketdata.data_spec import DataSpec; DataSpec.parse({'source': {'kind': 'sample'}}).load(); "
        "sys.exit(bool({'arch', 'scipy', 'statsmodels', 'torch', 'backtrader'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
