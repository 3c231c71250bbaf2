"""Marks live in the runs' folders, survive, and are never lost to another window."""

import json
import threading

import pytest
from run_folders import make_run

from core.errors import StoreError
from engine.cli.main import main
from engine.review.collection import collect
from engine.review.marks import FILE, Mark, OutdatedError, read_mark, write_mark
from engine.run_folder.run_folder import result_digest

HOSTILE = "<script>alert(1)</script> \"quotes\" 'single' \u202eright to left\u202c \N{SNOWMAN}"


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "runs")


def test_a_mark_is_found_by_the_next_review_and_touches_no_result(run):
    before = result_digest(run)
    mark = write_mark(run, "keep", HOSTILE)
    assert read_mark(run) == mark
    assert collect([run.parent]).rows[0].mark == mark
    assert result_digest(run) == before
    assert not collect([run.parent]).rows[0].row.flags


def test_a_change_based_on_an_older_mark_is_refused(run):
    write_mark(run, "keep", "first window", seen=0)
    with pytest.raises(OutdatedError) as refused:
        write_mark(run, "reject", "second window", seen=0)
    assert refused.value.current.note == "first window"
    assert read_mark(run).mark == "keep"


def test_earlier_marks_stay_in_the_file(run):
    for note in ("one", "two", "three"):
        write_mark(run, "maybe", note)
    content = json.loads((run / FILE).read_text())
    assert [entry["note"] for entry in content["history"]] == ["one", "two"]
    assert content["note"] == "three"


def test_many_at_once_lose_none(run):
    def mark(number):
        write_mark(run, "keep", str(number))

    threads = [threading.Thread(target=mark, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    content = json.loads((run / FILE).read_text())
    notes = {entry["note"] for entry in content["history"]} | {content["note"]}
    assert content["revision"] == 12
    assert notes == {str(number) for number in range(12)}


@pytest.mark.parametrize(
    ("mark", "note", "words"),
    [("good", "", "must be keep"), ("keep", "x" * 2001, "2,001 characters"), ("keep", "\ud800", "half")],
)
def test_what_is_no_mark_is_refused(run, mark, note, words):
    with pytest.raises(StoreError, match=words):
        write_mark(run, mark, note)
    assert read_mark(run) == Mark()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": 9, "history": []}',
        '{"format": 1}',
        *(f'{{"format": 1, "history": [], "revision": {value}}}' for value in ("null", '"abc"', "1e999", "9" * 5000)),
        '{"format": 1, "history": [], "mark": "<script>", "revision": 1}',
        '{"format": 1, "history": [], "note": "\\ud800", "revision": 1}',
    ],
)
def test_a_file_that_is_no_mark_is_said_and_not_overwritten(run, content):
    (run / FILE).write_text(content)
    review = collect([run.parent])
    assert len(review.rows) == 1
    assert "its mark is not shown" in review.refused[0].reason
    with pytest.raises(StoreError, match="repair or remove"):
        write_mark(run, "keep", "")
    assert (run / FILE).read_text() == content


def test_show_shows_the_mark(run, capsys):
    write_mark(run, "keep", "steady")
    from engine.review.marks import read_mark as again

    assert again(run).note == "steady"
    code = main(["show", str(run)])
    assert code in (0, 2)  # the made folder has no more metrics than the review reads
