"""The command line: what is typed, what is printed, and the exit code. The work is done elsewhere."""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import click
import typer
from typer.core import TyperGroup

from core.errors import ConfigError, WorkbenchError

EPILOG = "Exit codes: 0 done, 2 bad input, 130 interrupted."


class ConfigFirst(TyperGroup):
    """A group whose first word may be a config file: then the hidden command ``run`` is meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front unless a command or the group's own help is asked for."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=ConfigFirst,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@app.callback(epilog=EPILOG)
def _group() -> None:
    """Run backtests from YAML files.

    The usual form has no verb:

    run_backtest.py CONFIG... [key=value ...] [--check] [--out DIR] [--json] [--quiet] [-v] [--no-cache]

    for example: run_backtest.py configs/quickstart.yaml risk.base=0.01 (all options: run_backtest.py run --help)
    """


@app.command("run", epilog=EPILOG)
def _run(
    words: Annotated[list[str], typer.Argument(metavar="CONFIG... [key=value ...]", help="Config files and overrides.")],
    check: Annotated[bool, typer.Option("--check", help="Validate everything, train nothing.")] = False,
    out: Annotated[Path, typer.Option("--out", help="Where run folders go.")] = Path("runs"),
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor write the signal cache.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log on stderr.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print metrics.json on stdout.")] = False,
) -> None:
    """Run what each file says: a backtest, a run folder, a tear-sheet."""
    from engine.config import load
    from engine.run import Options, check_only, run_and_save

    paths, overrides = _split(words)
    _log_to_stderr(logging.DEBUG if verbose else logging.WARNING)
    configs = [load(path, overrides) for path in paths]
    options = Options(out=out, cache=not no_cache, quiet=quiet or as_json)
    for config in configs:
        if check:
            _say(check_only(config), quiet)
        elif as_json:
            print(json.dumps(run_and_save(config, options).metrics, indent=2, allow_nan=False))  # noqa: T201
        else:
            run_and_save(config, options)


def _split(words: list[str]) -> tuple[list[Path], list[str]]:
    """Config files and overrides; a word with ``=`` is an override unless a file of that name exists."""
    overrides = [word for word in words if "=" in word and not Path(word).exists()]
    paths = [Path(word) for word in words if word not in overrides]
    if not paths:
        raise ConfigError(f"no config file given, only overrides ({' '.join(overrides)}); name one, configs/quickstart.yaml say")
    return paths, overrides


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        print(text)  # noqa: T201 - the command's answer


def _log_to_stderr(level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)


@app.command("show")
def _show(
    words: Annotated[list[str], typer.Argument(metavar="CONFIG|RUN [key=value ...]", help="A config or a run folder.")],
) -> None:
    """Show the resolved config, after extends and overrides; or a finished run's summary."""
    from engine.artifacts import is_run_folder
    from engine.config import load
    from engine.listing import as_yaml
    from engine.summary import show_folder

    paths, overrides = _split(words)
    for path in paths:
        if is_run_folder(path):
            show_folder(path)
        elif path.is_dir():
            raise ConfigError(f"{path}: is neither a config file nor a run folder (it holds no manifest.json)")
        else:
            _say(as_yaml(load(path, overrides).dump()).rstrip(), quiet=False)


@app.command("list")
def _list(
    family: Annotated[str | None, typer.Argument(help="sources, features, models, strategies or measures.")] = None,
) -> None:
    """List every plug-in with its parameters, their defaults and one line about it."""
    from engine.listing import print_plugins

    print_plugins(family)


@app.command("cache")
def _cache(action: Annotated[str, typer.Argument(metavar="info|clear", help="What to do.")]) -> None:
    """Say what the signal cache holds, or empty it."""
    from engine.run import signal_store

    store = signal_store()
    if action == "info":
        found = store.info()
        _say(f"{store.folder}: {found.entries} entries, {found.size / 1e6:.1f} MB of at most {found.limit / 1e6:.0f} MB", False)
    elif action == "clear":
        _say(f"{store.folder}: {store.clear()} entries removed", False)
    else:
        raise ConfigError(f"cache {action}: unknown; use `cache info` or `cache clear`")


def main(words: list[str]) -> int:
    """Run a command line; every error that a user can mend is one line on stderr.

    Returns
    -------
    0 done, 2 bad input, 130 interrupted.
    """
    try:
        answer: Any = app(words, standalone_mode=False)
    except WorkbenchError as error:
        return _fail(error.line, error.exit_code)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted; nothing was left half-written", 130)
    return answer if isinstance(answer, int) else 0


def _fail(text: str, code: int) -> int:
    print(f"error: {text}", file=sys.stderr)  # noqa: T201
    return code
