"""The libraries that pages carry: as they were published, with their licences."""

import hashlib
import json
from pathlib import Path

import pytest

from engine.pages.templates import CHARTS, HEAD, TABLES, asset, content_policy

VENDOR = Path("engine/pages/html/vendor")
DIGESTS = json.loads((VENDOR / "digests.json").read_text(encoding="utf-8"))


def test_every_file_has_a_digest():
    assert {path.name for path in VENDOR.iterdir()} == {*DIGESTS, "digests.json"}


@pytest.mark.parametrize("name", DIGESTS)
def test_a_file_is_the_published_one(name):
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == DIGESTS[name]["sha256"]
    assert DIGESTS[name]["licence"] == "MIT"


@pytest.mark.parametrize("package", sorted({entry["package"] for entry in DIGESTS.values()}))
def test_every_package_has_its_licence(package):
    (licence,) = [name for name in DIGESTS if DIGESTS[name]["package"] == package and "LICENSE" in name]
    assert "Permission is hereby granted, free of charge" in (VENDOR / licence).read_text(encoding="utf-8")


def test_the_policy_names_the_digest_of_every_script_and_nothing_outside():
    policy = content_policy([asset(name) for name in (HEAD, *TABLES, *CHARTS)])
    assert policy.count("sha256-") == 1 + len(TABLES) + len(CHARTS)
    assert "http" not in policy
    assert "'unsafe-eval'" not in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2]


@pytest.mark.parametrize("name", [HEAD, *TABLES, *CHARTS, "theme/sweep.js"])
def test_no_script_ends_its_own_element(name):
    assert "</script" not in asset(name).lower()
