"""One whole run against its committed result: a change of any number is seen, and reviewed with ``make golden``."""

import importlib.util
import json
import platform
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TOLERANCE = 1e-6
# On another kind of machine the last digit of a trained model may differ, a tree may split elsewhere, and every figure
# moves: there the run must hold the same figures under the same names, but they may have other values.
SAME_MACHINE = (platform.system(), platform.machine()) == ("Linux", "x86_64")


def rewrite():
    spec = importlib.util.spec_from_file_location("rewrite", HERE / "rewrite.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leaves(node, path=""):
    """Every value with its path."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        yield from leaves(item, f"{path}.{key}")
    if not isinstance(node, dict | list):
        yield path, node


def test_the_golden_run_is_unchanged():
    module = rewrite()
    was, now = dict(leaves(json.loads(module.GOLDEN.read_text(encoding="utf-8")))), dict(leaves(module.small()))
    assert was.keys() == now.keys()
    assert [path for path in was if SAME_MACHINE and not same(was[path], now[path])] == []


def same(was, now):
    return now == pytest.approx(was, rel=TOLERANCE) if isinstance(was, float) else now == was
