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
    assert description
    assert description.strip()


@pytest.mark.parametrize(("package", "kind"), PLUGINS)
def test_every_plug_in_says_what_it_is_in_a_line_and_knows_its_family(package, kind):
    spec = load(package, kind)
    assert summary(spec).endswith(".")
    assert FAMILIES[spec.family] == package
