"""The code that signals are made by: all of it is found without importing any, and what it says alone counts."""

import ast
import json
import subprocess
import sys
import textwrap
from collections import namedtuple
from pathlib import Path

import pytest

from core.errors import ConfigError, StoreError
from signals.cache import code_digest
from signals.cache.code_digest import ROOT, code_of, modules_of
from signals.features.sma import Sma
from signals.spec import SignalSpec

CACHES = (code_digest._code_of, code_digest._whose, code_digest._spec, code_digest._source)


def forget():
    for item in CACHES:
        item.cache_clear()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes modules of a small project beside ours, as they would be found by ``import``."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/').replace('/init/', '__init__')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        forget()

    yield write
    forget()


def names(*roots):
    return set(code_of(roots).modules)


def says(text, project):
    project(it=text)
    return code_of({"it"}).digest


@pytest.mark.parametrize(
    "line",
    [
        "import pack.deep.leaf",
        "import pack.deep.leaf as other",
        "from pack.deep import leaf",
        "from pack.deep.leaf import value",
        "from pack.deep.leaf import *",
        "def work():\n    from pack.deep import leaf",
        "async def work():\n    async with x:\n        import pack.deep.leaf",
        "class Work:\n    import pack.deep.leaf",
        "try:\n    import fast\nexcept ImportError:\n    import pack.deep.leaf",
        "try:\n    pass\nfinally:\n    import pack.deep.leaf",
        "if x:\n    pass\nelif y:\n    import pack.deep.leaf",
        "for x in y:\n    pass\nelse:\n    import pack.deep.leaf",
        "match x:\n    case 1:\n        import pack.deep.leaf",
        "with x:\n    while True:\n        import pack.deep.leaf",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import pack.deep.leaf",
        "import importlib\nx = importlib.import_module('pack.deep.leaf')",
        "from importlib import import_module\ndef f():\n    return [import_module('pack.deep.leaf')]",
        "leaf = __import__('pack.deep.leaf')",
    ],
)
def test_an_import_is_followed_wherever_it_stands(line, project):
    files = {"pack____init__": "x = 1", "pack__deep____init__": "x = 2", "pack__deep__leaf": "import end", "end": ""}
    project(**{**{name.replace("____init__", "__/init/"): text for name, text in files.items()}, "root": line})
    assert names("root") == {"root", "pack", "pack.deep", "pack.deep.leaf", "end"}


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("from . import near", {"pack.near"}),
        ("from .near import value", {"pack.near"}),
        ("from .inner import leaf", {"pack.inner.leaf", "pack.inner", "pack.near"}),
        ("from .. import pack", set()),
    ],
)
def test_relative_imports(line, result, project):
    files = {
        "pack__/init/": "",
        "pack__near": "",
        "pack__inner__/init/": "from .. import near",
        "pack__inner__leaf": "",
    }
    project(**files, pack__root=line)
    if line == "from .. import pack":
        with pytest.raises(ConfigError, match=r"pack/root.py: cannot be read as Python \(attempted relative import"):
            names("pack.root")
    else:
        assert names("pack.root") == {"pack", "pack.root", *result}


def test_a_package_without_a_file_is_looked_through(project):
    project(bare__leaf="import end", end="", root="import bare.leaf")
    assert names("root") == {"root", "bare.leaf", "end"}


def test_modules_that_import_each_other(project):
    project(one="import two", two="import one")
    assert names("one") == {"one", "two"} == names("two")


@pytest.mark.parametrize(
    "line",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import other",
        "import typing\nif typing.TYPE_CHECKING:\n    import other",
        "# import other",
        "'''import other'''",
        "x = 'import other'",
        "import_module(other)",
        "import_module('.other')",
    ],
)
def test_what_is_never_imported_is_not_followed(line, project):
    project(root=line, other="")
    assert names("root") == {"root"}


def test_nothing_is_imported(project):
    project(explosive="raise SystemExit('imported')", root="import explosive")
    assert names("root") == {"root", "explosive"}
    assert "explosive" not in sys.modules


def test_libraries_are_named_and_not_read(project, tmp_path, monkeypatch):
    installed = tmp_path / "venv" / "site-packages"
    monkeypatch.syspath_prepend(installed)
    project(**{"venv__site-packages__library__/init/": "import further", "venv__site-packages__further": ""})
    project(root="import library.part, numpy.typing, json.decoder, sys, os.path, no_such_library")
    result = code_of({"root"})
    assert set(result.modules) == {"root"}
    assert result.libraries == {"library", "numpy", "no_such_library"}


def test_an_extension_counts_by_its_bytes(project, tmp_path):
    suffix = next(item for item in code_digest.importlib.machinery.EXTENSION_SUFFIXES)
    project(root="import native_part")
    seen = set()
    for content in (b"\x7fELF one", b"\x7fELF two"):
        (tmp_path / f"native_part{suffix}").write_bytes(content)
        forget()
        assert names("root") == {"root", "native_part"}
        seen.add(code_of({"root"}).digest)
    assert len(seen) == 2


SOURCE = '''
"""A module."""

import math

LIMIT = 3  # at most
"""How many."""


@wrapped
def work(values: list[float], scale=1.0) -> float:
    """Do it."""
    total = 0.0
    for value in values:
        total += value * scale
    return total if total < LIMIT else math.inf


class Thing:
    """A thing."""

    size: int = 1
    """Its size."""
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# at most", "# no more than"),
        ('"""A module."""', ""),
        ('"""How many."""', '"""How many,\n\nat most."""'),
        ('    """Do it."""', '    """It is done."""'),
        ('    """Do it."""', ""),
        ('"""A thing."""', "'A thing.'"),
        ('    """Its size."""', ""),
        ("\n\n\n", "\n\n\n\n\n"),
        ("total = 0.0", "total = (0.0)"),
        ("total = 0.0", "total = 0.00"),
        ("        total += value * scale", "        total += (\n            value\n            * scale\n        )"),
        ("scale=1.0", "scale = 1.0,"),
        ("    total = 0.0", "    total = 0.0;"),
    ],
)
def test_comments_texts_and_layout_do_not_count(old, new, project):
    assert old in SOURCE
    assert says(SOURCE, project) == says(SOURCE.replace(old, new), project)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", "LIMIT = 3.0"),
        ("LIMIT = 3", "LIMIT = True + 2"),
        ("total <", "total <="),
        ("value * scale", "scale * value"),
        ("value * scale", "value ** scale"),
        ("scale=1.0", "scale=2.0"),
        ("scale=1.0", "*, scale=1.0"),
        ("@wrapped\n", ""),
        ("list[float]", "list[int]"),
        ("size: int = 1", "size: float = 1"),
        ("Thing:", "Thing(Base):"),
        ("import math", "import cmath as math"),
        ('"""How many."""', 'NOTE = """How many."""'),
        ("        total += value", "        total = value"),
        ("    return total", "        return total"),
        ("math.inf", "-math.inf"),
    ],
)
def test_everything_else_counts(old, new, project):
    assert old in SOURCE
    assert says(SOURCE, project) != says(SOURCE.replace(old, new), project)


def test_what_is_for_type_checkers_does_not_count(project):
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {}\nelse:\n    x = {}\n"
    one = says(text.format("import a", 1), project)
    other = says(text.format("import b", 1), project)
    assert one == other != says(text.format("import a", 2), project)


def test_our_own_modules_printed_anew_say_the_same(tmp_path):
    """Python's own printer drops comments and lays out anew; it keeps texts, which our parser drops from both."""
    files = sorted(path for package in ("core", "signals") for path in (ROOT / package).rglob("*.py"))
    assert len(files) > 60
    for path in files:
        printed = tmp_path / "printed.py"
        printed.write_text(ast.unparse(ast.parse(path.read_bytes())), encoding="utf-8")
        assert code_digest._parsed(path, "a.b.c").digest == code_digest._parsed(printed, "a.b.c").digest, path


def test_a_module_counts_under_its_name(project):
    project(one="x = 1", other="x = 1")
    assert code_of({"one"}).digest != code_of({"other"}).digest


def test_a_helper_far_away_counts(project):
    project(root="import one", one="def f():\n    import two", two="x = 1")
    before = code_of({"root"}).digest
    project(two="x = 2")
    assert code_of({"root"}).digest != before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x = 1\ndef f(:\n", r"helper.py:2: invalid syntax; the signals are made by this file: mend that line"),
        (b"x = 1\n  y = 2\n", r"helper.py:2: unexpected indent; "),
        (b"x = '\xff'\n", r"helper.py:\d: .*(utf-8|decode).*; the signals are made by this file"),
        (b"x = 1\0\n", r"helper.py.*null bytes.*; the signals are made by this file"),
    ],
)
def test_a_file_that_is_no_python_is_one_line(content, message, project, tmp_path):
    project(root="def later():\n    import helper")
    (tmp_path / "helper.py").write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        code_of({"root"})
    assert "\n" not in caught.value.line


def test_a_class_that_was_typed_in_has_no_file(monkeypatch):
    monkeypatch.setitem(sys.modules, "typed_in", type(sys)("typed_in"))
    with pytest.raises(StoreError, match=r"^typed_in: its code is in no file of the project"):
        code_of({"signals.spec", "typed_in"})
    with pytest.raises(StoreError, match=r"^gone: its code is in no file of the project"):
        code_of({"signals.spec", "gone"})
    forget()


def test_a_script_is_read_where_it_was_loaded_from(project, tmp_path, monkeypatch):
    project(helper="x = 1")
    script = type(sys)("a_script")
    script.__file__ = str(tmp_path / "script with a name that cannot be imported.py")
    Path(script.__file__).write_text("import helper")
    monkeypatch.setitem(sys.modules, "a_script", script)
    assert names("a_script") == {"a_script", "helper"}


def test_every_plug_in_of_a_spec_is_found_however_deep():
    members = {"ridge": {"weight": 0.5}, "xgboost": {"weight": 0.5}}
    spec = SignalSpec.parse(
        {
            "features": [{"kind": "sma"}, {"kind": "sentiment", "scorer": {"kind": "vader"}}],
            "model": {"kind": "ensemble", "members": members},
            "label": {"kind": "triple_barrier", "horizon": 5},
            "confidence": {"kind": "constant"},
        }
    )
    expected = {
        "signals.features.sma",
        "signals.features.sentiment",
        "signals.text.vader",
        "signals.models.ensemble",
        "signals.models.ridge",
        "signals.models.xgboost",
        "signals.labels.triple_barrier",
        "signals.confidence.constant",
    }
    result = modules_of(spec)
    assert expected <= result
    unused = {"signals.models.lightgbm", "signals.features.rsi", "signals.text.transformers", "signals.models.lstm"}
    assert not unused & set(code_of({"signals.generate", *result}).modules)


def test_a_class_of_a_library_within_a_spec_is_a_library_in_use():
    """As a dataclass of pydantic or of Python's own might be."""
    result = code_of({"pydantic.fields", "fractions", "signals.scaling"})
    assert "signals.scaling" in result.modules
    assert "pydantic" in result.libraries
    assert not {"fractions", "pydantic.fields"} & set(result.modules)


def test_specs_in_mappings_and_tuples_are_found():
    Pair = namedtuple("Pair", "left right")
    assert modules_of({"a": [Pair({1: Sma()}, "x")]}) == {"signals.features.sma"}
    assert modules_of(Sma) == frozenset()


LOADED = """
import json, sys
import numpy as np, pandas as pd
from core.types import COLUMNS, Bars, Market
from signals.spec import SignalSpec
from signals.generate import generate

rng = np.random.default_rng(0)
close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 900)))
columns = dict(zip(COLUMNS, (close, close * 1.01, close * 0.99, close, 1e6 + 0 * close)))
times = pd.bdate_range("2001-01-02", periods=900, tz="UTC") + pd.Timedelta("21h")
bars = Bars.of("A", pd.DataFrame(columns, index=times))
spec = SignalSpec.parse(json.loads(sys.argv[1]))
generate(Market({"A": bars}, ("A",), "A", "UTC"), spec)
used = {name for name in sys.modules if name.partition(".")[0] in ("core", "signals")}
from signals.cache.code_digest import code_of, modules_of
known = set(code_of({"signals.generate", *modules_of(spec)}).modules)
print(json.dumps([sorted(used - known), sorted(known - used)]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {"model": {"kind": "ridge"}, "features": [{"kind": "talib", "function": "RSI"}, {"kind": "wilder_rsi"}]},
        {
            "model": {
                "kind": "ensemble",
                "members": {"lstm": {"weight": 0.5, "epochs": 1}, "xgboost": {"weight": 0.5}},
            },
            "features": [{"kind": "cross_return"}, {"kind": "calendar"}, {"kind": "sma"}],
            "scaler": "robust",
        },
        {
            "model": {"kind": "random_forest", "trees": 2},
            "features": [{"kind": "macd"}],
            "label": {"kind": "triple_barrier", "horizon": 5, "weights": "uniqueness"},
            "confidence": {"kind": "conformal"},
        },
    ],
    ids=lambda arguments: arguments["model"]["kind"],
)
def test_every_module_that_is_at_work_is_among_them(arguments):
    """Python itself says which modules were loaded while signals were made: the truth that is read off the source."""
    arguments = {**arguments, "walk_forward": {"train": 300, "test": 100}}
    command = [sys.executable, "-W", "ignore", "-c", LOADED, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    missed, idle = json.loads(done.stdout)
    assert missed == []
    assert len(idle) < 12, idle  # imported where they are used, and not used by this one
