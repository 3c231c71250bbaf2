"""An interrupt that a library turns into an error of its own is still an interrupt."""

import os
import signal
import threading

import pytest

from engine.cli import main as cli
from engine.cli.interrupts import recorded_interrupts


def interrupt(*_, **__):
    """What pydantic may make of a Ctrl-C inside of it."""
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.sigtimedwait([], 5)
    except KeyboardInterrupt:
        raise RuntimeError("a library swallowed the interrupt") from None


def test_a_run_that_is_interrupted_inside_a_library_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(cli.app, "main", interrupt)
    assert cli.main(["run", "x.yaml"]) == 130
    assert capsys.readouterr().err == "error: interrupted; nothing was left half-written\n"


def test_an_error_without_an_interrupt_is_not_hidden(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr(cli.app, "main", fail)
    with pytest.raises(RuntimeError, match="a fault of the program"):
        cli.main(["run", "x.yaml"])


def test_handlers_are_put_back_and_left_alone_elsewhere():
    before = signal.getsignal(signal.SIGINT)
    with recorded_interrupts() as numbers, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert numbers == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is before
    failures = []

    def elsewhere():
        try:
            with recorded_interrupts():
                pass
        except ValueError as error:
            failures.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("word", "hint"),
    [("lst", "did you mean list?"), ("reprodce", "did you mean reproduce"), ("qqq", "commands: run, show")],
)
def test_a_mistyped_command_is_told_of_close_ones(word, hint, capsys):
    assert cli.main([word, "x"]) == 2
    err = capsys.readouterr().err
    assert f"there is no command and no file '{word}'" in err
    assert hint in err


@pytest.mark.parametrize("word", ["sweep", "backtest"])
def test_a_word_for_what_a_config_says_is_told_the_way(word, capsys):
    assert cli.main([word, "x"]) == 2
    err = capsys.readouterr().err
    assert f"there is no command {word!r}: `run_backtest.py CONFIG` runs a {word}" in err
    assert ("`sweep:` block" in err) == (word == "sweep")
    assert "did you mean" not in err
