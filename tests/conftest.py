"""Settings for every test."""

import os

import pytest
from hypothesis import settings

# A busy machine is no failure: examples have no time limit of their own.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory):
    """One signal cache for the whole session, child processes included; never the user's own."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["BACKTRADER_ML_CACHE"] = str(folder)
    yield folder
    del os.environ["BACKTRADER_ML_CACHE"]
