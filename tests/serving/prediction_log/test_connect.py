"""Connections that fail are one line with a remedy, and without the password."""

import os

import pytest

from core.errors import ConfigError, StoreError
from serving.prediction_log.log import PredictionLog


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "--db: is no database URL; write sqlite:///FILE or postgresql://"),
        ("mysql://me:secret@host/db", r"--db mysql://me:\*\*\*@host/db: mysql is not supported"),
        ("sqlite://", "names no file, and the log must outlive the service"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://u:p@host:notaport/db", "--db: is no database URL"),
    ],
)
def test_urls_that_cannot_be(url, message):
    with pytest.raises(ConfigError, match=message):
        PredictionLog.open(url)


def test_a_file_that_cannot_be_made(tmp_path):
    with pytest.raises(StoreError, match="unable to open database file; create the folder") as raised:
        PredictionLog.open(f"sqlite:///{tmp_path / 'gone' / 'log.sqlite'}")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are notes " * 100)
    with pytest.raises(StoreError, match="not a database; choose another --db"):
        PredictionLog.open(f"sqlite:///{path}")
    assert path.read_text() == "these are notes " * 100


def test_a_server_that_is_not_there():
    with pytest.raises(StoreError, match="is the database running, and reachable from here") as raised:
        PredictionLog.open("postgresql://me:secret@127.0.0.1:9/log")
    assert "secret" not in str(raised.value)


def test_a_database_that_does_not_exist(postgres):
    postgres.new_database()
    with pytest.raises(StoreError, match="create it, or correct --db"):
        PredictionLog.open(postgres.server.get_uri("nowhere"))


@pytest.mark.skipif(os.name != "posix", reason="files of SQLite on POSIX")
def test_a_full_file_stores_nothing_and_recovers(tmp_path):
    from logged_answers import MODEL, answer

    from serving.prediction_log.read import read_predictions

    log = PredictionLog.open(f"sqlite:///{tmp_path / 'log.sqlite'}")
    number = log.register(MODEL)
    with log.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    # One connection serves all of these: the limit is one of a connection.
    with pytest.raises(StoreError, match="database or disk is full; free some space"):
        log.store(number, MODEL.rule, [answer(day=day, reason="long " * 1000) for day in range(9)])
    assert read_predictions(log, MODEL.id).rows.empty
    with log.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    log.store(number, MODEL.rule, [answer()])
    assert len(read_predictions(log, MODEL.id).rows) == 1
    log.close()
