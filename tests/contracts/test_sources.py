"""The contract of sources, tested on one ready-made instance of each."""

import io
import re
from pathlib import Path

import pandas as pd
import pytest

from core.plugins import kinds, load
from core.types import COLUMNS
from marketdata.sources.base import Source
from marketdata.timestamps import Session
from marketdata.validation import checked

PACKAGE = "marketdata.sources"
PRICES = "Date,Open,High,Low,Close,Volume\n2020-01-02,1,2,1,2,10\n2020-01-03,2,3,2,3,10\n"


@pytest.fixture(params=kinds(PACKAGE))
def source(request, tmp_path: Path) -> Source:
    """Built from defaults; a source that needs files gets one."""
    spec = load(PACKAGE, request.param)
    if "files" not in spec.model_fields:
        return spec()
    path = tmp_path / f"prices.{request.param}"
    if request.param == "parquet":
        pd.read_csv(io.StringIO(PRICES)).to_parquet(path)
    elif request.param == "json":
        path.write_text(pd.read_csv(io.StringIO(PRICES)).to_json(orient="records"), encoding="utf-8")
    else:
        path.write_text(PRICES, encoding="utf-8")
    return spec.parse({"files": {"A": str(path)}})


def test_names_paths_and_tables_agree_in_order(source):
    assert tuple(source.paths()) == tuple(source.tables()) == source.names
    assert all(path.is_file() for path in source.paths().values())


def test_tables_pass_the_checks_and_reading_twice_gives_the_same(source):
    for (symbol, table), again in zip(source.tables().items(), source.tables().values(), strict=True):
        frame = checked(symbol, table)
        assert list(frame.columns) == list(COLUMNS)
        pd.testing.assert_frame_equal(frame, checked(symbol, again))


def test_identity_holds_digests_and_no_path(source):
    identity = source.identity()
    assert identity["kind"] == source.kind
    assert set(identity["files"]) == set(source.names)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in identity["files"].values())
    assert not any(str(path) in str(identity) for path in source.paths().values())


def test_the_default_session_can_be_read(source):
    time, zone = source.session_close
    assert Session.parse(f"{time} {zone}").zone == zone
