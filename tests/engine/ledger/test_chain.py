"""Lines can only be added: what was removed or changed is noticed, and an accident of writing is not taken for it."""

import json

import pytest

from engine.ledger.chain import START, append, head_of, read_chain


@pytest.fixture
def path(folder):
    folder.mkdir()
    path = folder / "ledger.jsonl"
    for number in range(5):
        append(path, [{"kind": "run", "number": number}])
    return path


def rows(path):
    return path.read_bytes().splitlines(keepends=True)


def numbers(chain):
    return [line.get("number") for line in chain.lines]


def test_a_missing_file_is_empty(folder):
    chain = read_chain(folder / "ledger.jsonl")
    assert (chain.lines, chain.count, chain.last, chain.faults) == ((), 0, START, ())


def test_lines_stand_in_order_and_hold_the_digest_of_the_line_before(path):
    import hashlib

    chain = read_chain(path)
    assert (numbers(chain), chain.faults) == ([0, 1, 2, 3, 4], ())
    before = [START, *(hashlib.sha256(row.rstrip(b"\n")).hexdigest() for row in rows(path))]
    assert [line["previous"] for line in chain.lines] == before[:-1]
    assert chain.last == before[-1]


@pytest.mark.parametrize("row", range(5))
def test_a_removed_line_is_noticed(path, row):
    content = rows(path)
    del content[row]
    path.write_bytes(b"".join(content))
    assert read_chain(path).faults


@pytest.mark.parametrize("row", range(5))
def test_a_changed_line_is_noticed(path, row):
    content = rows(path)
    content[row] = content[row].replace(b'"kind"', b'"kind" ')
    path.write_bytes(b"".join(content))
    assert read_chain(path).faults


@pytest.mark.parametrize("kept", range(5))
def test_removed_last_lines_are_noticed_also_after_another_is_added(path, kept):
    path.write_bytes(b"".join(rows(path)[:kept]))
    sentence = f"the last {5 - kept} of 5 lines were removed"
    assert sentence in read_chain(path).faults[-1]
    append(path, [{"kind": "run", "number": 9}])
    chain = read_chain(path)
    assert sentence in chain.faults[0]
    assert numbers(chain)[-1] == 9


def test_a_removed_file_is_noticed(path):
    path.unlink()
    assert read_chain(path).faults == ("the last 5 of 5 lines were removed",)


def test_two_lines_that_changed_places_are_noticed(path):
    content = rows(path)
    path.write_bytes(b"".join([content[0], content[2], content[1], *content[3:]]))
    assert read_chain(path).faults


@pytest.mark.parametrize("tail", [b'{"previous": "ab', b"{", b"\xff"])
def test_a_line_that_was_not_finished_is_dropped(path, tail):
    path.write_bytes(path.read_bytes() + tail)
    assert read_chain(path).faults == ()
    append(path, [{"kind": "run", "number": 5}])
    chain = read_chain(path)
    assert (numbers(chain), chain.faults) == ([0, 1, 2, 3, 4, 5], ())


def test_a_crash_before_the_head_was_written_is_no_fault(path):
    head = head_of(path).read_bytes()
    append(path, [{"kind": "run", "number": 5}])
    head_of(path).write_bytes(head)
    assert read_chain(path).faults == ()
    append(path, [{"kind": "run", "number": 6}])
    assert read_chain(path).faults == ()
    assert json.loads(head_of(path).read_bytes())["lines"] == 7


def test_a_last_line_without_its_break_is_a_line(path):
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert numbers(read_chain(path)) == [0, 1, 2, 3, 4]
    append(path, [{"kind": "run", "number": 5}])
    assert (numbers(read_chain(path)), read_chain(path).faults) == ([0, 1, 2, 3, 4, 5], ())


def test_a_damaged_line_or_head_is_a_fault_and_not_an_error(path):
    content = rows(path)
    content[1] = b"nonsense\n"
    path.write_bytes(b"".join(content))
    assert read_chain(path).faults[0] == "line 2 cannot be read"
    head_of(path).write_bytes(b"[]")
    assert read_chain(path).faults[-1] == "ledger.head cannot be read"
