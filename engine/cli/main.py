"""The command line: the group of commands, and the exit code of a call."""

import logging
import re
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from core.errors import WorkbenchError

from .commands.audit_command import audit
from .commands.bundle_command import bundle, predict, train
from .commands.cache_command import cache
from .commands.check_plugin_command import check_plugin
from .commands.doctor_command import doctor
from .commands.export_command import export, report
from .commands.ledger_command import ledger
from .commands.list_command import list_plugins
from .commands.monitor_command import monitor
from .commands.reproduce_command import reproduce
from .commands.review_command import compare, review
from .commands.run_command import EPILOG, run
from .commands.serve_command import serve
from .commands.show_command import show
from .interrupts import recorded_interrupts

log = logging.getLogger(__name__)

INTERRUPTED = "interrupted; nothing was left half-written"
WORD = re.compile("[A-Za-z_-]+")
"""A first word that is meant as a command: a config file's name has a dot, a slash or digits."""
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class ConfigFirst(click.Group):
    """A group whose first word may be a config file: then the command ``run`` is meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front unless a command or the group's own help is asked for.

        Raises
        ------
        click.UsageError
            The first word looks like a command, but is none, and there is no file of that name.
        """
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            if WORD.fullmatch(args[0]) and not Path(args[0]).exists():
                raise click.UsageError(_no_command(args[0], list(self.commands)), ctx)
            args = ["run", *args]
        return super().parse_args(ctx, args)


RUNS = {"sweep": "a sweep: CONFIG has a `sweep:` block", "backtest": "a backtest", "optimize": "a sweep"}
"""Words that others call the command ``run``, and what it then runs."""


def _no_command(word: str, commands: list[str]) -> str:
    if word in RUNS:
        return f"there is no command {word!r}: `run_backtest.py CONFIG` runs {RUNS[word]}"
    close = get_close_matches(word, commands, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"commands: {', '.join(commands)}"
    return f"there is no command and no file {word!r}; {hint}"


@click.group(cls=ConfigFirst, context_settings=SETTINGS, epilog=EPILOG, invoke_without_command=True)
@click.pass_context
def app(ctx: click.Context) -> None:
    """Run backtests from YAML files.

    The usual form has no verb:

    \b
      run_backtest.py CONFIG... [key=value ...] [options of `run`]
      run_backtest.py configs/quickstart.yaml risk.base=0.01
    """  # noqa: D301 - click wants the backspace character: it keeps the lines below it as they are
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


COMMANDS = (
    *(run, show, review, compare, report, export, doctor, list_plugins, check_plugin, audit, reproduce, cache, ledger),
    *(train, predict, bundle, serve, monitor),
)
for command in COMMANDS:
    app.add_command(command)


def main(words: list[str]) -> int:
    """Run a command line; every error that a user can mend is one line on stderr.

    Returns
    -------
    0 done, 1 a check failed, 2 bad input, 130 interrupted.
    """
    with recorded_interrupts() as interrupts:
        try:
            return _answer(words)
        except Exception:
            if interrupts:  # a library made an error of its own of it
                return _fail(INTERRUPTED, 130)
            raise


def _plugin_failed(error: Exception) -> int:
    """The exit code for an error that a plug-in raised; any other is raised again."""
    from core.plugins import raised_in

    location = raised_in(error)
    if not location:
        raise error
    log.info("a plug-in raised", exc_info=error)
    return _fail(f"{location}: the plug-in raised {type(error).__name__}: {error}; -v shows the traceback", 2)


def _answer(words: list[str]) -> int:
    """The exit code of a command line."""
    try:
        answer: Any = app.main(words, prog_name="run_backtest.py", standalone_mode=False)
    except WorkbenchError as error:
        return _fail(error.line, error.exit_code)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt) as error:  # click puts its own in the place of the interrupt
        message = str(error.__cause__ or error)
        return _fail(message or INTERRUPTED, 130)
    except OSError as error:  # what a run reads and writes names its own errors; this is the terminal or a pipe
        return _fail(f"{error.filename or 'the output'}: {error.strerror or error}; send the output elsewhere", 2)
    except Exception as error:
        return _plugin_failed(error)
    return answer if isinstance(answer, int) else 0


def _fail(text: str, code: int) -> int:
    line = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in " ".join(text.split()))
    with suppress(OSError):  # stderr may be closed as well
        click.echo(f"error: {line}", err=True)
    return code
