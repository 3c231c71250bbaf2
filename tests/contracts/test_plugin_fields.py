"""What every plug-in of every family owes the people who write configs."""

import pytest

from core.plugins import FAMILIES, kinds, load, summary

PLUGINS = [(package, kind) for package in FAMILIES.values() for kind in kinds(package)]
FIELDS = [(package, kind, field) for package, kind in PLUGINS for field in load(package, kind).model_fields]


def test_every_family_has_plug_ins():
    assert {package for package, _ in PLUGINS} == set(FAMILIES.values())


@pytest.mark.parametrize(("package", "kind", "field"), FIELDS)
def test_every_field_is_described(package, kind, field):
    description = load(package, kind).model_fields[field].description
    assert description and description.strip(), f"field {field} has no docstring below it"  # noqa: PT018 (one message)


@pytest.mark.parametrize(("package", "kind"), PLUGINS)
def test_every_plug_in_says_what_it_is_in_a_line(package, kind):
    line = summary(load(package, kind))
    assert line.endswith("."), f"the first line of its docstring is no sentence: {line!r}"


@pytest.mark.parametrize(("package", "kind"), PLUGINS)
def test_every_plug_in_knows_its_family(package, kind):
    assert FAMILIES[load(package, kind).family] == package
