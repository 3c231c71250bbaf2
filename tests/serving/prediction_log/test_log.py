"""One answer for each model, symbol and bar: stored once, compared when it is given again, with the rule's state."""

import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from logged_answers import DAY, MODEL, NUMBERS, answer
from sqlalchemy import func, select, update

from core.errors import StoreError
from serving.prediction_log import columns
from serving.prediction_log.connect import reading
from serving.prediction_log.log import PredictionLog, StateMovedError
from serving.prediction_log.read import ALL_COLUMNS, models_of, read_alarms, read_predictions
from serving.prediction_log.retention import remove_older
from serving.prediction_log.tables import PREDICTIONS

RULE = MODEL.rule


@pytest.fixture
def log(log_url):
    opened = PredictionLog.open(log_url)
    yield opened
    opened.close()


@pytest.fixture
def number(log):
    return log.register(MODEL)


def test_what_is_stored_is_read_again_bit_for_bit(log, number):
    assert [stored.is_new for stored in log.store(number, RULE, [answer("A"), answer("B")])] == [True, True]
    logged = read_predictions(log, MODEL.id, columns=ALL_COLUMNS)
    assert logged.model == MODEL
    assert logged.rows["symbol"].tolist() == ["A", "B"]
    for name, value in NUMBERS.items():
        numbers = logged.rows[name].tolist()
        assert numbers == [value] * 2 if value is not None else np.isnan(numbers).all(), name
    assert logged.rows["as_of"].tolist() == [pd.Timestamp(10 * DAY, tz="UTC")] * 2
    assert logged.rows["received_at"].iloc[0].value == 10 * DAY + 5
    assert logged.features.tobytes() == np.array([[np.nan, -0.0]] * 2).tobytes()
    assert models_of(log) == [MODEL]


def test_the_same_answer_again_is_neither_stored_nor_an_alarm(log, number):
    log.store(number, RULE, [answer()])
    [again] = log.store(number, RULE, [answer(request="second")])
    assert (again.is_new, again.difference) == (False, None)
    assert len(read_predictions(log, MODEL.id).rows) == 1
    assert read_alarms(log, MODEL.id).empty


def test_a_differing_answer_is_an_alarm_and_the_first_one_stays(log, number):
    log.store(number, RULE, [answer()])
    for _ in range(2):
        [second] = log.store(number, RULE, [answer(prediction=0.25, inputs="j" * 32)])
    assert not second.is_new
    assert (second.difference.kind, second.difference.names) == ("prediction", ("prediction",))
    assert not second.difference.same_inputs
    assert second.difference.first["prediction"] == NUMBERS["prediction"]
    [third] = log.store(number, RULE, [answer(size=7.0)])
    assert (third.difference.kind, third.difference.same_inputs) == ("decision", True)
    assert read_predictions(log, MODEL.id).rows["prediction"].tolist() == [NUMBERS["prediction"]]
    alarms = read_alarms(log, MODEL.id)  # the same difference is one alarm
    assert alarms["kind"].tolist() == ["prediction", "decision"]
    assert alarms["answer"].iloc[0]["prediction"] == 0.25
    assert alarms["same_inputs"].tolist() == [False, True]


def test_the_state_of_a_rule_is_that_of_the_bar_before(log, number):
    assert log.state_before(number, RULE, "A", 10 * DAY) is None
    for day in (10, 11, 13):
        log.store(number, RULE, [answer(day=day, state={"peak": float(day)})])
    assert log.state_before(number, RULE, "A", 10 * DAY) is None
    assert log.state_before(number, RULE, "A", 11 * DAY).state == {"peak": 10.0}
    assert log.state_before(number, RULE, "A", 13 * DAY).as_of == 11 * DAY
    assert log.state_before(number, RULE, "B", 13 * DAY) is None
    log.store(number, RULE, [answer(day=11, state={"peak": 99.0}, prediction=9.0)])  # a second answer changes no state
    assert log.state_before(number, RULE, "A", 12 * DAY).state == {"peak": 11.0}


def test_the_state_is_read_while_another_one_writes(log, number):
    log.store(number, RULE, [answer(day=10, state={"peak": 1.0})])
    with log.engine.begin() as writer:
        writer.execute(update(PREDICTIONS).values(bars=7))
        assert log.state_before(number, RULE, "A", 11 * DAY).state == {"peak": 1.0}


def test_a_new_model_takes_over_the_state_of_its_rule(log, number):
    log.store(number, RULE, [answer(day=10, state={"peak": 1.0})])
    second = log.register(replace(MODEL, id="b" * 64))
    assert log.state_before(second, RULE, "A", 11 * DAY).state == {"peak": 1.0}
    assert log.state_before(second, "another rule", "A", 11 * DAY) is None
    log.store(second, RULE, [answer(day=10, state={"peak": 2.0})])
    assert log.state_before(second, RULE, "A", 11 * DAY).state == {"peak": 2.0}
    assert log.state_before(number, RULE, "A", 11 * DAY).state == {"peak": 1.0}


def test_a_decision_that_began_with_an_older_state_is_not_stored(log, number):
    log.store(number, RULE, [answer(day=10, state={"peak": 1.0})])
    begun = answer(day=12, state={"peak": 3.0}, state_from=10 * DAY, uses_logged_state=True)
    log.store(number, RULE, [answer(day=11, state={"peak": 2.0})])
    with pytest.raises(StateMovedError):
        log.store(number, RULE, [answer("B", day=12), begun])
    assert len(read_predictions(log, MODEL.id).rows) == 2
    log.store(number, RULE, [replace(begun, state_from=11 * DAY)])


def test_a_failed_request_stores_none_of_its_answers(log, number):
    with pytest.raises(StoreError):
        log.store(number, RULE, [answer("A"), answer("B", reason=None)])
    assert read_predictions(log, MODEL.id).rows.empty


def test_old_predictions_are_removed_but_the_newest_and_its_state(log, number):
    for day in (10, 11, 12):
        log.store(number, RULE, [answer(day=day, state={"peak": float(day)}), answer("B", day=day)])
    log.store(number, RULE, [answer(day=10, prediction=1.0)])  # an alarm on a row that is removed
    assert remove_older(log, days=30, now=13 * DAY) == 0
    assert remove_older(log, days=2.5, now=13 * DAY) == 2
    assert remove_older(log, days=1, now=100 * DAY) == 2
    assert read_predictions(log, MODEL.id).rows["as_of"].dt.day.tolist() == [13, 13]
    assert log.state_before(number, RULE, "A", 50 * DAY).state == {"peak": 12.0}
    assert log.state_before(number, RULE, "A", 12 * DAY) is None
    assert read_alarms(log, MODEL.id).empty


def test_many_writers_at_once_store_each_answer_once(log_url, number):
    logs = [PredictionLog.open(log_url) for _ in range(3)]  # as three services
    outcomes = []

    def write(log):
        for day in range(20):
            outcomes.extend(log.store(log.register(MODEL), RULE, [answer("A", day=day), answer("B", day=day)]))

    threads = [threading.Thread(target=write, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 3 * 40
    assert sum(stored.is_new for stored in outcomes) == 40
    assert not any(stored.difference for stored in outcomes)
    assert len(read_predictions(logs[0], MODEL.id).rows) == 40
    for log in logs:
        log.close()


def test_predictions_of_some_symbols_and_some_bars(log, number):
    log.store(number, RULE, [answer(symbol, day=day) for day in (10, 11, 12) for symbol in ("B", "A")])
    day = pd.Timedelta(days=1)
    start = pd.Timestamp(0, tz="UTC")
    some = read_predictions(log, MODEL.id, symbols=["A"], since=start + 11 * day, until=start + 11 * day)
    assert some.rows[["symbol", "as_of"]].to_numpy().tolist() == [["A", start + 11 * day]]
    assert some.features.shape == (1, 2)
    with pytest.raises(StoreError, match="has no prediction of the model zzz"):
        read_predictions(log, "zzz")


def test_chunks_of_several_symbols_come_in_the_order_of_time_and_storing(log, number, monkeypatch):
    monkeypatch.setattr(columns, "CHUNK", 3)
    rng = np.random.default_rng(0)
    asked = [(symbol, int(day)) for day in rng.permutation(20) for symbol in ("B", "A") if (symbol, day) != ("A", 7)]
    inputs = {key: rng.normal(size=2) for key in asked}
    for symbol, day in asked:
        log.store(number, RULE, [answer(symbol, day=day, features=inputs[symbol, day], prediction=float(day))])
    logged = read_predictions(log, MODEL.id)
    expected = sorted(asked, key=lambda key: (key[1], asked.index(key)))
    assert list(zip(logged.rows["symbol"], logged.rows["prediction"], strict=True)) == expected
    assert logged.features.tolist() == [inputs[key].tolist() for key in expected]
    assert logged.feature_rows.tolist() == list(range(39))


def test_the_inputs_of_the_last_row_of_each_session(log, number, monkeypatch):
    monkeypatch.setattr(columns, "CHUNK", 4)
    for symbol in ("A", "B"):
        for quarter in range(40):
            log.store(number, RULE, [answer(symbol, day=10 + quarter / 4, features=np.array([quarter, 0.0]))])
    logged = read_predictions(log, MODEL.id, zone="UTC")
    assert (np.diff(logged.feature_rows) > 0).all()
    kept = logged.rows.iloc[logged.feature_rows]
    assert (
        kept["as_of"].to_numpy() == pd.to_datetime((10 + logged.features[:, 0] / 4) * DAY, utc=True).to_numpy()
    ).all()
    last = ~logged.rows.assign(day=logged.rows["as_of"].dt.date)[["symbol", "day"]].duplicated(keep="last")
    assert set(np.flatnonzero(last)) <= set(logged.feature_rows)
    assert len(logged.feature_rows) < 40


def test_a_service_stores_while_a_monitor_reads(log, number):
    log.store(number, RULE, [answer()])
    with reading(log.engine) as connection:
        before = connection.execute(select(func.count()).select_from(PREDICTIONS)).scalar_one()
        [stored] = log.store(number, RULE, [answer(day=11)])
        assert stored.is_new
        assert connection.execute(select(func.count()).select_from(PREDICTIONS)).scalar_one() == before == 1
