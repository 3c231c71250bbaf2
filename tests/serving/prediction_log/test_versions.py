"""The versions of the tables: made once, migrated step by step, and refused if they are of a newer program."""

import sqlite3
import threading

import pytest
from sqlalchemy import text

from core.errors import StoreError
from serving.prediction_log.connect import engine_of
from serving.prediction_log.log import PredictionLog
from serving.prediction_log.versions import STEPS, migrate


def add_column(connection):
    connection.execute(text("ALTER TABLE models ADD COLUMN remark VARCHAR(10) DEFAULT 'none' NOT NULL"))


def fail(connection):
    add_column(connection)
    connection.execute(text("SELECT * FROM no_such_table"))


def test_each_step_runs_once(log_url):
    PredictionLog.open(log_url).close()
    engine = engine_of(log_url)
    steps = {**STEPS, 2: add_column}
    for before in (1, 2, 2):
        with engine.begin() as connection:
            assert migrate(connection, "here", steps) == before
    engine.dispose()
    with pytest.raises(StoreError, match=r"has version 2, this program reads 1; update the program"):
        PredictionLog.open(log_url)


def test_a_step_that_fails_leaves_the_version_before(log_url):
    PredictionLog.open(log_url).close()
    engine = engine_of(log_url)
    with pytest.raises(Exception, match="no_such_table"), engine.begin() as connection:
        migrate(connection, "here", {**STEPS, 2: fail})
    with engine.begin() as connection:
        assert migrate(connection, "here", {**STEPS, 2: add_column}) == 1
    engine.dispose()


def test_services_that_start_together_make_the_tables_once(log_url):
    failures = []

    def open_one():
        try:
            PredictionLog.open(log_url).close()
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_file_that_another_process_writes_is_waited_for(tmp_path):
    path = tmp_path / "log.sqlite"
    writer = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    for statement in ("CREATE TABLE other (x)", "BEGIN IMMEDIATE", "INSERT INTO other VALUES (1)"):
        writer.execute(statement)
    release = threading.Timer(0.5, writer.close)
    release.start()
    PredictionLog.open(f"sqlite:///{path}").close()
    release.join()


def test_tables_of_another_program_are_left_alone(tmp_path):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE predictions (x)")
    connection.close()
    with pytest.raises(StoreError, match="has a table predictions that is none of a prediction log"):
        PredictionLog.open(f"sqlite:///{path}")
