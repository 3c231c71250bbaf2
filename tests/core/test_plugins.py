import importlib
import sys
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from core.errors import PluginError
from core.plugins import FAMILIES, PluginField, PluginSpec, kinds, load, raised_in, summary
from core.spec import Spec

NUMBER = count()

GOOD = '''"""A plug-in."""
from typing import Annotated
from core.plugins import FAMILIES, PluginField, PluginSpec
from core.spec import Share

class _Helper(PluginSpec):
    """Not public."""

class Sma(PluginSpec):
    """A moving average.

    More.
    """

    window: int = 20
    """Bars."""
    part: Share = 0.5
    """A share."""
'''
OUTER = '''"""A plug-in that holds another."""
from typing import Annotated
from core.plugins import FAMILIES, PluginField, PluginSpec

class Outer(PluginSpec):
    """Holds another."""

    inner: Annotated[PluginSpec, PluginField("{package}")]
    """Another plug-in."""
'''


HALF = """from abc import abstractmethod
from core.plugins import PluginSpec

class _Base(PluginSpec):
    @abstractmethod
    def compute(self): ...

    @property
    @abstractmethod
    def warmup(self): ...

class Half(_Base):
    pass
"""


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A family with a good plug-in, one that holds another, and files as given; a name of its own each time."""

    def build(**files: str) -> str:
        package = f"family{next(NUMBER)}"
        folder = tmp_path / package
        folder.mkdir()
        contents = {"__init__": "", "_base": "", "sma": GOOD, "outer": OUTER.format(package=package), **files}
        for name, content in contents.items():
            (folder / f"{name}.py").write_text(content, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        return package

    return build


def holder(package: str) -> type[Spec]:
    class Holder(Spec):
        first: Annotated[PluginSpec, PluginField(package)]
        many: tuple[Annotated[PluginSpec, PluginField(package)], ...] = ()

    return Holder


def problem(package: str, values: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(ValidationError) as caught:
        holder(package).parse(values)
    (result,) = caught.value.errors(include_url=False)
    return {"loc": result["loc"], "message": result["msg"], **result.get("ctx", {})}


def test_kinds_are_file_names_and_nothing_is_imported(family):
    package = family()
    assert kinds(package) == ("outer", "sma")
    assert f"{package}.sma" not in sys.modules


def test_only_the_file_asked_for_is_imported(family):
    package = family(broken="raise ValueError('imported')")
    assert load(package, "sma").__name__ == "Sma"
    assert f"{package}.broken" not in sys.modules


@pytest.mark.parametrize(
    ("files", "kind", "match"),
    [
        ({}, "smaa", r"there is no 'smaa' in family\d+; did you mean 'sma'\?"),
        ({}, "zzz", r"there is no 'zzz' in family\d+; known: outer, sma"),
        ({}, "_base", "there is no '_base' in .*; names that begin with _ are the family's own modules"),
        ({}, "os.path", "there is no 'os.path'"),
        (
            {"bad": "x = 1\nimport no_such_module"},
            "bad",
            r"family\d+/bad.py cannot be imported: .*bad.py:2: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ({"bad": "x = 1\n\nclass"}, "bad", r"bad.py cannot be imported: .*bad.py:3: invalid syntax; mend that line"),
        ({"bad": "x = 1\nx.y"}, "bad", r"bad.py cannot be imported: .*bad.py:2: AttributeError: 'int' object has no"),
        (
            {"bad": GOOD + "\n    wrong = 3\n"},
            "bad",
            r"bad.py cannot be imported: .*PydanticUserError: .*`wrong",
        ),
        ({"my-model": GOOD}, "my-model", r"my-model.py: a plug-in's file name is its kind: lower-case letters"),
        ({"Upper": GOOD}, "Upper", r"Upper.py: a plug-in's file name is its kind"),
        ({"import": GOOD}, "import", r"import.py: a plug-in's file name is its kind"),
        ({"half": HALF}, "half", r"half.py: Half lacks compute, warmup; see the base class of its family"),
        (
            {"none": "from core.plugins import PluginSpec"},
            "none",
            "none.py must hold exactly one plug-in; it holds none",
        ),
        ({"two": GOOD + "\n\nclass Ema(PluginSpec):\n    pass\n"}, "two", "exactly one plug-in; it holds Sma, Ema"),
    ],
)
def test_files_that_are_no_plug_in_are_refused(family, files, kind, match):
    with pytest.raises(PluginError, match=match):
        load(family(**files), kind)


def test_the_message_is_one_line(family):
    with pytest.raises(PluginError) as caught:
        load(family(bad="raise ValueError('one\\ntwo')"), "bad")
    assert "\n" not in caught.value.line


def test_a_plug_in_in_another_familys_folder_is_sent_home(family, monkeypatch):
    package = family(lost=GOOD.replace("class Sma(PluginSpec):", "class Sma(PluginSpec):\n    family = 'features'"))
    monkeypatch.setitem(FAMILIES, "models", package)
    with pytest.raises(PluginError, match=r"lost.py: Sma is of the family features; move it to signals/features"):
        load(package, "lost")


def test_a_field_holds_a_plug_in_and_writes_its_kind(family):
    block = holder(family())
    spec = block.parse({"first": {"kind": "sma", "window": 5}, "many": [{"kind": "sma"}]})
    assert spec.first.kind == "sma"
    written = {"kind": "sma", "window": 5, "part": 0.5}
    assert spec.dump() == {"first": written, "many": [{**written, "window": 20}]}
    assert block.parse(spec.dump()) == spec
    assert block(first=spec.first).first is spec.first


def test_a_plug_in_in_a_plug_in(family):
    package = family()
    values = {"first": {"kind": "outer", "inner": {"kind": "sma", "window": 5}}}
    dumped = holder(package).parse(values).dump()["first"]
    assert dumped == {"kind": "outer", "inner": {"kind": "sma", "window": 5, "part": 0.5}}


def test_an_unknown_kind_is_told_at_its_place(family):
    result = problem(family(), {"first": {"kind": "smaa"}})
    assert (result["loc"], result["path"]) == (("first",), ["kind"])
    assert "did you mean 'sma'?" in result["message"]


@pytest.mark.parametrize("value", ["sma", None, 3, {}, {"kind": 3}, ["sma"]])
def test_a_field_without_a_kind_lists_the_kinds(family, value):
    result = problem(family(), {"first": value})
    assert result["message"] == "must be a mapping with a `kind`, one of outer, sma"


def test_an_unknown_parameter_is_told_at_its_place_with_the_known_ones(family):
    result = problem(family(), {"first": {"kind": "sma"}, "many": [{"kind": "sma"}, {"kind": "sma", "windw": 5}]})
    assert (result["loc"], result["path"], result["type"]) == (("many", 1), ["windw"], "extra_forbidden")
    assert result["known"] == ["window", "part"]
    assert result["given"] == 5


def test_an_error_two_plug_ins_deep_keeps_its_place_and_hint(family):
    result = problem(family(), {"first": {"kind": "outer", "inner": {"kind": "sma", "part": 2}}})
    assert (result["loc"], result["path"], result["given"]) == (("first",), ["inner", "part"], 2)
    assert result["message"] == "must be above 0 and at most 1; for 2 % write 0.02"
    result = problem(family(), {"first": {"kind": "outer", "inner": {"kind": "sma", "windw": 2}}})
    assert (result["path"], result["type"], result["known"]) == (
        ["inner", "windw"],
        "extra_forbidden",
        ["window", "part"],
    )
    result = problem(family(), {"first": {"kind": "outer", "inner": {"kind": "smb"}}})
    assert result["path"] == ["inner", "kind"]
    assert "did you mean 'sma'?" in result["message"]


def test_the_json_schema_has_a_form_for_each_kind(family):
    package = family(outer=GOOD.replace("Sma", "Outer").replace("window: int = 20", "window: int"))
    schema = TypeAdapter(holder(package)).json_schema()
    outer, sma = schema["properties"]["first"]["anyOf"]
    assert schema["properties"]["many"]["items"]["anyOf"] == [outer, sma]
    assert sma["properties"]["kind"] == {"const": "sma", "description": "A moving average."}
    assert (sma["required"], outer["required"]) == (["kind"], ["kind", "window"])
    assert sma["properties"]["window"]["description"] == "Bars."
    assert sma["properties"]["part"]["exclusiveMinimum"] == 0
    assert not sma["additionalProperties"]


def test_the_json_schema_of_a_family_that_holds_itself_ends(family):
    schema = holder(family()).model_json_schema()
    outer, sma = schema["properties"]["first"]["anyOf"]
    assert outer["properties"]["inner"]["properties"] == {"kind": {"enum": ["outer", "sma"]}}
    assert schema["properties"]["many"]["items"]["anyOf"] == [outer, sma]


def test_the_summary_is_the_first_line(family):
    assert summary(load(family(), "sma")) == "A moving average."


def test_an_error_is_placed_in_the_plugin_that_was_running():
    path = importlib.import_module("signals.features.sma").__file__
    code = compile("\n\ndef broken():\n    return 1 / 0\n", path, "exec")
    names = {}
    exec(code, names)  # noqa: S102 - a plug-in's file without writing one
    with pytest.raises(ZeroDivisionError) as caught:
        names["broken"]()
    assert raised_in(caught.value) == f"{path}:4"
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    assert raised_in(caught.value) == ""
