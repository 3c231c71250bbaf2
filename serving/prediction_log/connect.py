"""Connections to the database of a prediction log."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from core.errors import ConfigError, StoreError

BUSY_SECONDS = 20
"""For this long a writer of SQLite waits for another one."""
CONNECT_SECONDS = 5
STATEMENT_MILLISECONDS = 20_000
POOL = 8
READS = "prediction_log_reads"
"""Execution option of a connection that only reads."""
KINDS = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"


def engine_of(text: str) -> Engine:
    """The engine for a database; nothing is connected yet.

    Parameters
    ----------
    text : a URL: ``sqlite:///predictions.sqlite`` or ``postgresql://user:password@host/database``.

    Raises
    ------
    ConfigError
        It is no such URL.
    """
    url = _url(text)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    options = {
        "connect_timeout": CONNECT_SECONDS,
        "options": f"-c statement_timeout={STATEMENT_MILLISECONDS} -c lock_timeout={STATEMENT_MILLISECONDS}",
    }
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_size=POOL,
        pool_timeout=BUSY_SECONDS,
        connect_args=options,
        hide_parameters=True,
    )


def _url(text: str) -> URL:
    try:
        url = make_url(text)
        kind = url.get_backend_name()
    except (ArgumentError, ValueError):  # the text may hold a password: it is not repeated
        raise ConfigError(f"--db: is no database URL; write {KINDS}") from None
    if kind not in ("sqlite", "postgresql", "postgres"):
        raise ConfigError(f"--db {hidden(url)}: {kind} is not supported; write {KINDS}")
    if kind == "sqlite" and (not url.database or url.database == ":memory:"):
        raise ConfigError(f"--db {hidden(url)}: names no file, and the log must outlive the service; write {KINDS}")
    return url


def hidden(url: URL) -> str:
    """A URL for messages, without its password, driver and options."""
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)


def _sqlite(url: URL) -> Engine:
    """Autocommit in the driver, so that every transaction begins as a writer: no deadlock, one writer after another."""
    engine = create_engine(
        url,
        pool_size=POOL,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "isolation_level": None},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    if url.database and url.database != ":memory:":
        _guard(engine, Path(url.database))
    return engine


def _guard(engine: Engine, path: Path) -> None:
    """Refuse to go on with a file that was removed or replaced: what is written into it can be found nowhere."""
    seen: list[tuple[int, int]] = []

    def check(_: Any) -> None:
        try:
            stat = path.stat()
        except OSError:
            raise sqlite3.OperationalError(REMOVED) from None
        if not seen:
            seen.append((stat.st_dev, stat.st_ino))
        elif seen[0] != (stat.st_dev, stat.st_ino):
            raise sqlite3.OperationalError(REMOVED)

    event.listen(engine, "begin", check)
    event.listen(engine, "commit", check)


def _configure(connection: sqlite3.Connection, _: Any) -> None:
    """Write-ahead log; FULL syncs it at every commit, so that an answer survives a power failure."""
    _use_write_ahead_log(connection)
    for statement in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {statement}").close()


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


@retry(
    retry=retry_if_exception(_is_busy),
    stop=stop_after_delay(BUSY_SECONDS),
    wait=wait_random(0.005, 0.05),
    reraise=True,
)
def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the file; SQLite's own time-out does not cover this statement, so it fails at once beside another user."""
    connection.execute("PRAGMA journal_mode=WAL").close()


def _begin(connection: Any) -> None:
    """A reader begins without the lock of a writer: a service stores while a monitor reads."""
    reads = connection.get_execution_options().get(READS)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that reads one state of the database, while others write.

    Raises
    ------
    StoreError
        The database cannot be read.
    """
    options: dict[str, Any] = {READS: True}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with explained(engine), engine.connect() as connection:
        yield connection.execution_options(**options)


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Errors of the database as one line that says what to do.

    Raises
    ------
    StoreError
        In place of any error of the database or its driver.
    """
    try:
        yield
    except DBAPIError as error:
        cause = " ".join(str(error.orig).split()) or type(error.orig).__name__
        raise StoreError(f"prediction log {hidden(engine.url)}: {cause}; {_remedy(cause)}") from error
    except SQLAlchemyError as error:
        text = str(error).partition("\n")[0]
        raise StoreError(f"prediction log {hidden(engine.url)}: {text}; is the database overloaded?") from error
    except (engine.dialect.loaded_dbapi.Error, OSError) as error:  # of rows that are read from the driver itself
        raise StoreError(f"prediction log {hidden(engine.url)}: {error}; {_remedy(str(error))}") from error


REMOVED = "the file was removed or replaced while it was in use"
REMEDIES = {
    REMOVED: "put it back, or restart the service",
    "full": "free some space",
    "No space": "free some space",
    "disk I/O": "look at the disk and its free space",
    "readonly": "allow the service to write the file and its folder",
    "unable to open": "create the folder, and allow the service to write in it",
    "locked": "another process holds the file; stop it, or wait",
    "not a database": "choose another --db",
    "malformed": "restore a backup, or choose another --db",
    "authentication": "check user and password in --db",
    "does not exist": "create it, or correct --db",
}


def _remedy(cause: str) -> str:
    fitting = [remedy for words, remedy in REMEDIES.items() if words in cause]
    return fitting[0] if fitting else "is the database running, and reachable from here?"
