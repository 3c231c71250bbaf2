"""Versions of the prediction log's tables: each step leads from one version to the next, in one transaction."""

from collections.abc import Callable, Mapping
from time import time_ns

from sqlalchemy import Connection, func, insert, inspect, select, text, update

from core.errors import StoreError

from .tables import INFO, METADATA

Step = Callable[[Connection], None]
LOCK = 7_365_746
"""The advisory lock of PostgreSQL under which services that start together migrate one after the other."""


def _create(connection: Connection) -> None:
    METADATA.create_all(connection)


STEPS: Mapping[int, Step] = {1: _create}
"""By version, the step that makes it of the version before; 0 is an empty database."""


def migrate(connection: Connection, where: str, steps: Mapping[int, Step] = STEPS) -> int:
    """Bring the tables to the newest version, inside the connection's transaction.

    Parameters
    ----------
    where : the database, for messages.

    Returns
    -------
    The version that was found.

    Raises
    ------
    StoreError
        The tables are of a newer version, or the database has other tables of these names.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    before = _version(connection, where)
    newest = max(steps)
    if before > newest:
        raise StoreError(
            f"{where}: the prediction log has version {before}, this program reads {newest}; "
            "update the program, or choose another --db"
        )
    for version in range(before + 1, newest + 1):
        steps[version](connection)
        _record(connection, version)
    return before


def _version(connection: Connection, where: str) -> int:
    names = set(inspect(connection).get_table_names())
    if INFO.name not in names:
        ours = names & set(METADATA.tables)
        if ours:
            raise StoreError(f"{where}: has a table {min(ours)} that is none of a prediction log; choose another --db")
        return 0
    version = connection.execute(select(func.max(INFO.c.version))).scalar()
    if version is None:
        raise StoreError(f"{where}: the table {INFO.name} is empty, so the version is not known; restore a backup")
    return int(version)


def _record(connection: Connection, version: int) -> None:
    if version == 1:
        connection.execute(insert(INFO).values(version=1, checked_at=time_ns()))
    else:
        connection.execute(update(INFO).values(version=version))
