"""The numbers of a rule go on from bar to bar in the log, whoever asks and whichever bundle answers."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_model import FakeModel, body, loader
from running_service import serving

from serving.http.tokens import Tokens

ADMIN = {"Authorization": f"Bearer {'a' * 20}"}


@pytest.fixture
def running(log_url):
    models = {"one": FakeModel("one", has_state=True), "two": FakeModel("two", has_state=True)}
    with serving("one", log_url, load=loader(models), tokens=Tokens("a" * 20, "a" * 20)) as service:
        yield service


def count(answered):
    assert answered.status_code == 200, answered.text
    return answered.json()["state"]["count"]


def ask(running, bars, **more):
    return running.client.post("/predict", json=body([100.0 + n for n in range(bars)], **more), headers=ADMIN)


def test_each_decision_begins_with_the_state_of_the_one_before(running):
    first = ask(running, 2)
    assert count(first) == 1
    assert "the log has no earlier state of the rule: it begins with its start values" in first.json()["warnings"]
    assert [count(ask(running, bars)) for bars in (3, 4, 4, 3, 5)] == [2, 3, 3, 2, 4]  # asked again: the same answer
    assert ask(running, 5).json()["warnings"] == []


def test_a_gap_is_said(running):
    ask(running, 2)
    late = ask(running, 5)
    assert count(late) == 2
    assert "and 2 bars after it were never asked about: ask about each bar in turn" in late.json()["warnings"][0]


def test_a_state_in_the_request_goes_before_the_log(running):
    ask(running, 2)
    assert count(ask(running, 3, state={"count": 10.0})) == 11
    assert count(ask(running, 4)) == 12


def test_the_next_bundle_of_the_rule_goes_on(running):
    assert [count(ask(running, bars)) for bars in (2, 3)] == [1, 2]
    assert running.client.post("/model", json={"bundle": "two"}, headers=ADMIN).status_code == 200
    assert count(ask(running, 4)) == 3


def test_requests_at_once_decide_one_after_the_other(running):
    ask(running, 2)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ask(running, 3), range(12)))
    assert {count(answered) for answered in answers} == {2}
    assert [count(ask(running, bars)) for bars in (4, 5)] == [3, 4]
