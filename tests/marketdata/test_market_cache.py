"""A market is read once: as long as nothing that decides it changes, and as if it had been read."""

import os
from dataclasses import MISSING, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from vendor_files import bars, days

from core.caches import caching
from core.types import COLUMNS, Market
from marketdata import market_cache
from marketdata.data_spec import DataSpec
from marketdata.market_cache import keeping_markets, market_store


@pytest.fixture
def path(tmp_path, monkeypatch) -> Path:
    """A file of two symbols; every file is worth keeping."""
    monkeypatch.setenv("BACKTRADER_ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(market_cache, "WORTH", 0)
    frames = [bars(days(), seed).assign(symbol=name) for seed, name in ((1, "AAA"), (2, "BBB"))]
    path = tmp_path / "long.csv"
    pd.concat(frames).rename_axis("date").to_csv(path)
    return path


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """The files that were read."""
    names: list[str] = []
    table = DataSpec._prices

    def counted(spec):
        names.append(spec.source.file)
        return table(spec)

    monkeypatch.setattr(DataSpec, "_prices", counted)
    return names


def spec_of(path, **keys):
    return DataSpec.parse({"source": {"kind": "csv", "file": str(path)}, "benchmark": "AAA", **keys})


PLAIN = [field.name for field in fields(Market) if field.name not in ("bars", "news")]
"""All that a market holds beside its bars; news are read apart."""


def assert_same(one, other):
    for name in PLAIN:
        assert getattr(one, name) == getattr(other, name), name
    assert list(one.bars) == list(other.bars)
    for symbol, left in one.bars.items():
        right = other.bars[symbol]
        assert left.times.equals(right.times)
        assert left.times.dtype == right.times.dtype
        for column in COLUMNS:
            assert np.array_equal(getattr(left, column), getattr(right, column))
            assert not getattr(right, column).flags.writeable


def test_the_second_time_nothing_is_read(path, reads):
    first = spec_of(path).load()
    second = spec_of(path).load()
    assert len(reads) == 1
    assert_same(first, second)
    assert [entry.suffix for entry in market_store().entries()] == [".market"]


def test_every_field_of_a_market_is_kept(path):
    values = {"warnings": ("odd",), "notes": ("odd", "plain"), "reading": {"AAA": "a table"}, "basket": "rebalanced"}
    market = replace(spec_of(path).load(), **values)
    defaults = {field.name: (field.default, field.default_factory) for field in fields(Market)}
    optional = {name for name, pair in defaults.items() if pair != (MISSING, MISSING)}
    assert optional - {"news"} == set(values)  # a new field is given here, too
    market_store().put("key", market)
    assert_same(market, market_store().get("key"))


@pytest.mark.parametrize(
    "keys",
    [
        {"start": "2020-01-10"},
        {"session_close": "16:00 UTC"},
        {"benchmark": "BBB"},
        {"benchmark": "basket"},
        {"benchmark": {"kind": "basket", "rebalanced": True}},
    ],
)
def test_another_block_is_another_market(path, reads, keys):
    spec_of(path).load()
    assert_same(spec_of(path, **keys).load(), spec_of(path, **keys).load())
    assert len(reads) == 2


def test_a_changed_file_is_read_again(path, reads):
    first = spec_of(path).load()
    content = path.read_text(encoding="utf-8")
    path.write_text(content.replace("2020-01-06", "2020-01-05"), encoding="utf-8")
    assert spec_of(path).load().times[0] < first.times[0]
    assert len(reads) == 2


def test_a_file_of_equal_size_and_time_is_not_taken_for_an_old_one_if_it_is_fresh(path):
    store = market_store()
    digest = store.digest_of(path)
    status = path.stat()
    path.write_bytes(path.read_bytes()[:-2] + b"Z\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.digest_of(path) != digest


def test_the_digest_of_a_settled_file_is_remembered(path, monkeypatch):
    os.utime(path, (1_500_000_000, 1_500_000_000))
    store = market_store()
    digest = store.digest_of(path)
    monkeypatch.setattr(market_cache, "file_digest", lambda path: pytest.fail("it was read again"))
    assert store.digest_of(path) == digest


def test_a_moved_file_is_the_same_market(path, reads, tmp_path):
    first = spec_of(path).load()
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / path.name
    path.rename(moved)
    assert_same(first, spec_of(moved).load())
    assert len(reads) == 1


def test_other_code_reads_again(path, reads, monkeypatch):
    spec_of(path).load()
    monkeypatch.setattr(market_cache, "reader_version", lambda: "another")
    spec_of(path).load()
    assert len(reads) == 2


@pytest.mark.parametrize("switch", [keeping_markets, caching])
def test_the_cache_can_be_left_out(path, reads, switch):
    with switch(False):
        spec_of(path).load()
        spec_of(path).load()
    assert len(reads) == 2
    assert market_store().entries() == []


def test_small_files_are_not_kept(path, monkeypatch):
    monkeypatch.setattr(market_cache, "WORTH", 1_000_000)
    spec_of(path).load()
    assert market_store().entries() == []


@pytest.mark.parametrize("damage", [lambda text: text[:-1], lambda text: b"", lambda text: text[:-8] + b"\1" * 8])
def test_a_damaged_entry_is_removed_and_made_again(path, reads, damage, caplog):
    first = spec_of(path).load()
    [entry] = market_store().entries()
    content = damage(entry.read_bytes())
    entry.unlink()  # the market that was read may still be mapped
    entry.write_bytes(content)
    assert_same(first, spec_of(path).load())
    assert len(reads) == 2
    assert "is damaged" in caplog.text


def test_the_entries_used_longest_ago_make_room(path, monkeypatch):
    spec_of(path).load()
    [old] = market_store().entries()
    os.utime(old, (1_500_000_000, 1_500_000_000))
    monkeypatch.setattr(market_cache, "LIMIT", old.stat().st_size + 100)
    spec_of(path, start="2020-01-07").load()
    assert len(market_store().entries()) == 1
    assert not old.exists()
    assert market_store().clear() == 1
    assert list(market_store().folder.iterdir()) == []


def test_a_basket_that_is_held_is_not_taken_for_one_that_is_rebalanced(path):
    assert spec_of(path, benchmark="basket").load().basket == "held"
    assert spec_of(path, benchmark={"kind": "basket", "rebalanced": True}).load().basket == "rebalanced"
