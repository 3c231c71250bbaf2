"""Everything that is wrong with a file is said at once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from daily_walk import walk
from pydantic import ValidationError

from core.errors import DataError
from core.types import Bars, Market
from marketdata.data_spec import DataSpec
from marketdata.doctor.diagnosis import block_of, diagnose
from marketdata.doctor.symbols import symbol_findings, unfinished


def written(frame: pd.DataFrame, path) -> str:
    frame.rename_axis("Date").to_csv(path)
    return str(path)


def test_all_faults_of_a_file_are_named_at_once(tmp_path):
    frame = walk()
    frame.iloc[100:110, :4] *= 100
    frame.iloc[200:, :4] /= 1.5
    frame.iloc[260, 1] = 1.0
    frame.iloc[270, 3] = np.nan
    frame = pd.concat([frame, frame.iloc[[5]]])
    (diagnosis,), together = diagnose(block_of(Path(written(frame, tmp_path / "bad.csv"))))
    assert together == ()
    texts = [entry.line for entry in diagnosis.entries]
    for part in (
        "1 equal in all columns",
        "earlier than",
        "close is missing",
        "is below low",
        "100 there and",
        "3:2 on",
    ):
        assert sum(part in text for text in texts) == 1, (part, texts)
    assert [entry.severity for entry in diagnosis.entries] == ["refuse"] * 5 + ["warn"]
    assert diagnosis.entries[3].rows == (f"261 (line 262, {frame.index[260]:%Y-%m-%d})",)


def test_a_file_that_cannot_be_read_leaves_the_others(tmp_path):
    (tmp_path / "b.csv").write_text("")
    files = {"A": written(walk(), tmp_path / "a.csv"), "B": str(tmp_path / "b.csv")}
    diagnoses, _ = diagnose(DataSpec.parse({"source": {"kind": "csv", "files": files}}))
    assert [len(diagnosis.entries) for diagnosis in diagnoses] == [0, 1]
    assert "the file is empty" in diagnoses[1].entries[0].line


def test_a_run_refuses_what_no_market_makes_and_warns_of_the_rest(tmp_path):
    frame = walk()
    frame.iloc[200:, :4] /= 1.5
    spec = block_of(Path(written(frame, tmp_path / "x.csv")))
    assert [text for text in spec.load().warnings if "3:2" in text] == [*spec.load().warnings]
    frame.iloc[100:110, :4] *= 100
    spec = block_of(Path(written(frame, tmp_path / "x.csv")))
    with pytest.raises(DataError, match=r"factor of 100 there and back.*right, set data.accept: \[unit_error\]"):
        spec.load()
    accepted = spec.model_copy(update={"accept": ("unit_error",)}).load()
    assert [text for text in accepted.warnings if "factor of 100" in text and "accepted by data.accept" in text]


def test_only_a_check_that_refuses_can_be_accepted():
    with pytest.raises(ValidationError, match=r"accept[^']*'spike'.*known: unit_error"):
        DataSpec.parse({"source": {"kind": "sample"}, "accept": ["spike"]})


def test_symbols_that_a_run_would_refuse_together_are_refused_by_the_doctor(tmp_path):
    early = walk()
    weekly = walk().iloc[::5].set_axis(pd.date_range("2001-01-05", periods=60, freq="W-FRI"))
    files = {"A": written(early, tmp_path / "a.csv"), "B": written(weekly, tmp_path / "b.csv")}
    spec = DataSpec.parse({"source": {"kind": "csv", "files": files}})
    _, together = diagnose(spec)
    refused = [entry.line for entry in together if entry.severity == "refuse"]
    assert ["mixed bar sizes" in line for line in refused] == [True, False, False]
    assert sum("no day in common" in line for line in refused) == 2
    with pytest.raises(DataError, match="mixed bar sizes"):
        spec.load()


def market(**frames: pd.DataFrame) -> Market:
    bars = {
        name: Bars.of(name, frame.set_axis(pd.DatetimeIndex(frame.index).tz_localize("UTC") + pd.Timedelta("21h")))
        for name, frame in frames.items()
    }
    return Market(bars, tuple(bars), next(iter(bars)), "UTC")


def test_one_series_under_two_names_and_one_that_ends_early():
    other = walk(seed=8)
    scaled = walk()
    scaled[["open", "high", "low", "close"]] *= 3
    found = symbol_findings(market(A=walk(), B=walk(), C=other, D=scaled, E=walk(200, seed=9)))
    assert [(symbol, finding.check) for symbol, finding in found] == [
        ("B", "equal_returns"),
        ("D", "equal_returns"),
        ("D", "equal_returns"),
        ("E", "early_end"),
    ]
    assert "B has the same closes as A" in found[0][1].text
    assert "D has the same returns as A" in found[1][1].text


def test_a_bar_that_has_not_ended():
    one = market(A=walk(10))
    last = one.bars["A"].times[-1]
    assert unfinished(one, last) == []
    assert "which is not yet" in unfinished(one, last - pd.Timedelta("1s"))[0][1].text
