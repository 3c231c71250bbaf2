"""``serve`` on the command line: bad input is one line, before anything is served."""

import socket

import pytest
from click.testing import CliRunner

from engine.cli.commands.serve_command import database_of
from engine.cli.main import app, main

WORD = "0123456789abcdef"


@pytest.fixture
def folder(tmp_path):
    """A place for a bundle; each of these calls fails before it is read, or because it is none."""
    return tmp_path / "bundle"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "bundle: there is no such folder"),
        (["--host", "192.0.2.1"], "--host 192.0.2.1: other machines reach this address; state --token-file FILE"),
        (["--host", "no.such.name.invalid", "--token-file", "WORDS"], "cannot be opened"),
        (["--port", "70000"], "70000 is not in the range"),
        (["--token-file", "gone"], "--token-file gone: cannot be read: No such file"),
        (["--token-file", "SHORT"], "a token has 3 characters; it needs at least 16"),
        (["--token-file", "MANY"], "has 3 tokens; write one line for all, or two"),
        (["--db", "nonsense"], "--db: is no database URL; write sqlite:///FILE"),
        (["--db", "sqlite:////no/such/folder/log.sqlite"], "unable to open database file; create the folder"),
        (["--keep-days", "0"], "--keep-days"),
        (["--key-file", "gone"], "--key-file gone: cannot be read"),
    ],
)
def test_what_cannot_be_is_one_line(folder, tmp_path, words, message, capsys):
    files = {"WORDS": f"{WORD}\n{WORD}\n", "SHORT": "abc\n", "MANY": f"{WORD} {WORD} {WORD}"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    given = [str(tmp_path / word) if word in files else word for word in words]
    assert main(["serve", str(folder), "--port", "0", *given]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error


def test_a_port_that_is_taken(folder, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", str(folder), "--port", str(taken.getsockname()[1])]) == 2
    assert "cannot be opened: Address already in use; choose another --port" in capsys.readouterr().err


def test_the_log_lies_beside_the_bundle(tmp_path):
    assert database_of(tmp_path / "bundles" / "qs") == f"sqlite:///{tmp_path}/bundles/qs.predictions.sqlite"


def test_the_help_imports_nothing_heavy():
    done = CliRunner().invoke(app, ["serve", "--help"])
    assert done.exit_code == 0
    assert "a file beside the bundle" in " ".join(done.output.split())
