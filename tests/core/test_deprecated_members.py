"""Old names of attributes and methods still work, with a warning that states the new one."""

import pytest

from core.deprecated_members import RenamedAttribute, adopt_old_names, warn_renamed


class Contract:
    new = 1
    old = RenamedAttribute("new", since="0.2")

    def __init_subclass__(cls):
        adopt_old_names(cls, {"old": "new"}, since="0.2", stacklevel=3)


def test_reading_the_old_name_gives_the_value_of_the_new_one():
    with pytest.warns(DeprecationWarning, match=r"Contract\.old is deprecated since 0\.2: use Contract\.new") as caught:
        assert Contract.old == 1
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="use Contract.new"):
        assert Contract().old == 1


def test_an_attribute_set_under_its_old_name_counts():
    with pytest.warns(DeprecationWarning, match=r"Plugin\.old is deprecated since 0\.2: use Plugin\.new") as caught:

        class Plugin(Contract):
            old = 7

    assert caught[0].filename == __file__
    assert Plugin.new == 7
    assert Plugin.old == 7


def test_a_class_with_the_new_name_gives_no_warning(recwarn):
    class Plugin(Contract):
        new = 7

    assert Plugin.new == 7
    assert Contract.new == 1
    assert not recwarn.list


def test_a_warning_states_both_names_and_the_callers_file():
    def old_method():
        warn_renamed("Thing.old_method", "Thing.new_method", since="0.3")

    with pytest.warns(DeprecationWarning, match="use Thing.new_method") as caught:
        old_method()
    assert str(caught[0].message) == "Thing.old_method is deprecated since 0.3: use Thing.new_method"
    assert caught[0].filename == __file__
