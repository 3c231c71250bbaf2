import pytest

from core import errors


def test_a_line_holds_the_message_and_its_notes():
    error = errors.DataError("close is 0;\nmend it")
    error.add_note("fold 3")
    error.add_note("member lstm")
    assert error.line == "close is 0; mend it (fold 3) (member lstm)"


@pytest.mark.parametrize("name", ["ConfigError", "PluginError", "DataError", "ModelError", "StoreError"])
def test_every_error_is_the_users_to_mend(name):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.WorkbenchError)
    assert kind.exit_code == 2
    assert name in (errors.__doc__ or "")
