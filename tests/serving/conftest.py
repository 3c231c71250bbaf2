"""Databases for prediction logs: a file of SQLite, and a PostgreSQL whose programs come from a wheel."""

import itertools
import os
import tempfile
import warnings
from pathlib import Path

import pytest
from small_bundles import ensemble_bundle, ensemble_config, files, make_config, rule_bundle, rule_config

__all__ = ["ensemble_bundle", "ensemble_config", "files", "make_config", "rule_bundle", "rule_config"]
NUMBERS = itertools.count()


class Postgres:
    """A server that tests may stop and start; its folder has a short path, as a socket needs one."""

    def __init__(self, folder):
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pgserver
        self._package = pgserver
        self.folder = folder / "data"
        self.start()

    def start(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.server = self._package.get_server(self.folder, cleanup_mode="stop")
        self.server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf()")  # its disk may lose what tests wrote

    def stop(self):
        self.server.cleanup()

    def new_database(self):
        name = f"log_{next(NUMBERS)}"
        self.server.psql(f"CREATE DATABASE {name}")
        return self.server.get_uri(name)


@pytest.fixture(scope="session")
def postgres():
    with tempfile.TemporaryDirectory(prefix="btml-pg-", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)  # the server runs as another user where tests run as root
        server = Postgres(Path(name))
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def log_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'log.sqlite'}"
    return request.getfixturevalue("postgres").new_database()
