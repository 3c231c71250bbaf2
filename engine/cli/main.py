"""The command line: what is typed, what is printed, and the exit code. The work is done elsewhere."""

import json
import logging
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import click

from core.errors import ConfigError, WorkbenchError

EPILOG = "Exit codes: 0 done, 1 the engines differ, 2 bad input, 130 interrupted."
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class ConfigFirst(click.Group):
    """A group whose first word may be a config file: then the command ``run`` is meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front unless a command or the group's own help is asked for."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


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


@app.command("run", epilog=EPILOG)
@click.argument("words", metavar="CONFIG... [key=value ...]", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Validate everything (config, data, number of fits), train nothing.")
@click.option("--out", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where run folders go.")
@click.option("--engine", type=click.Choice(["backtrader", "compiled", "both"]), help="Which engine trades.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the signal cache.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@click.option("--verbose", "-v", is_flag=True, help="Show the log on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics on stdout as JSON, and nothing else.")
def _run(words: tuple[str, ...], engine: str | None, verbose: bool, check: bool, **options: Any) -> None:
    """Run what each file says: a backtest with its run folder and tear-sheet, or a sweep."""
    from engine.run_folder.child_process import measuring
    from engine.sweep.load_config import load

    paths, overrides = _split(words)
    overrides += [f"engine={engine}"] if engine else []
    quiet, as_json = options["quiet"], options["as_json"]
    _log_to_stderr(logging.DEBUG if verbose else logging.WARNING)
    configs = [load(path, overrides) for path in paths]
    resample = any(config.measures.intervals.reps for config in configs)
    with measuring() if resample and not check else nullcontext() as pool:
        from engine.pipeline import Options

        wanted = Options(out=options["out"], cache=not options["no_cache"], quiet=quiet or as_json)
        for config in configs:
            if check:
                _say(_checked(config), quiet)
                continue
            found = _found(config, wanted, pool)
            if as_json:
                _say(json.dumps(found, indent=2, allow_nan=False))


def _checked(config: Any) -> str:
    """What there would be to do."""
    from engine.pipeline import check_only

    if config.sweep is None:
        return check_only(config)
    from engine.sweep.trials.dry_run import check_sweep

    return check_sweep(config)


def _found(config: Any, options: Any, pool: Any) -> Any:
    """The numbers of a backtest, or of a sweep."""
    from engine.pipeline import run_and_save

    if config.sweep is None:
        return run_and_save(config, options, pool).metrics
    from engine.sweep.run import sweep_and_save

    return sweep_and_save(config, options, pool).numbers


def _split(words: tuple[str, ...]) -> tuple[list[Path], list[str]]:
    """Config files and overrides; a word with ``=`` is an override unless a file of that name exists."""
    overrides = [word for word in words if "=" in word and not Path(word).exists()]
    paths = [Path(word) for word in words if word not in overrides]
    if not paths:
        raise ConfigError(
            f"no config file given, only overrides ({' '.join(overrides)}); name one, configs/quickstart.yaml say"
        )
    return paths, overrides


def _say(text: str, quiet: bool = False) -> None:
    if not quiet:
        click.echo(text)


class _ToStderr(logging.Handler):
    """Writes to what stderr is at the time: whoever calls :func:`main` twice may have another one by then."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        with suppress(OSError, ValueError):  # it may be closed
            click.echo(self.format(record), err=True)


def _log_to_stderr(level: int) -> None:
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _ToStderr)]:
        root.removeHandler(old)
    handler = _ToStderr(level)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)


@app.command("show")
@click.argument("words", metavar="CONFIG|RUN... [key=value ...]", nargs=-1, required=True)
def _show(words: tuple[str, ...]) -> None:
    """Show a resolved config, or a finished run's summary."""
    from engine.config.yaml_text import as_yaml
    from engine.run_folder.run_folder import is_run_folder
    from engine.sweep.load_config import load

    paths, overrides = _split(words)
    for path in paths:
        if is_run_folder(path):
            _show_folder(path)
        elif path.is_dir():
            raise ConfigError(f"{path}: is neither a config file nor a run folder (it holds no manifest.json)")
        else:
            _say(as_yaml(load(path, overrides).dump()).rstrip())


def _show_folder(path: Path) -> None:
    from engine.pages.terminal import show_folder
    from engine.sweep.pages import terminal

    if terminal.is_sweep(path):
        terminal.show_folder(path)
    else:
        show_folder(path)


@app.command("list")
@click.argument("family", required=False)
def _list(family: str | None) -> None:
    """List plug-ins, their parameters and defaults: sources, features, models, strategies, measures."""
    from .list_command import print_plugins

    print_plugins(family)


@app.command("audit", epilog="Exit codes: 0 no leak found, 1 a leak, 2 bad input, 130 interrupted.")
@click.argument("words", metavar="CONFIG... [key=value ...]", nargs=-1, required=True)
@click.option("--full", is_flag=True, help="Every test; else only those that take a minute or two.")
@click.option("--out", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where the pages go.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print audit.json on stdout, and nothing else.")
def _audit(words: tuple[str, ...], full: bool, out: Path, quiet: bool, as_json: bool) -> int:
    """Try whether anything in a config uses the future: the leak battery."""
    from engine.sweep.load_config import load

    paths, overrides = _split(words)
    _log_to_stderr(logging.WARNING)
    configs = [load(path, overrides) for path in paths]
    from engine.audit.command import audit_and_save

    found = [audit_and_save(config, full=full, out=out, quiet=quiet or as_json) for config in configs]
    for each in found if as_json else ():
        _say(json.dumps(each.dump(), indent=2, allow_nan=False))
    return int(any(each.leaks for each in found))


@app.command("reproduce", epilog="Exit codes: 0 the same results, 1 something differs, 2 bad input, 130 interrupted.")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--cache", is_flag=True, help="Allow the caches; else everything is trained anew.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of the differences on stdout, and nothing else.")
def _reproduce(runs: tuple[Path, ...], cache: bool, quiet: bool, as_json: bool) -> int:
    """Make finished runs again from their folders, and name what differs."""
    from engine.reproduce.command import reproduce_all

    _log_to_stderr(logging.WARNING)
    verdicts = reproduce_all(runs, cache=cache, quiet=quiet or as_json)
    if as_json:
        _say(json.dumps([each for verdict in verdicts for each in verdict.dump()], indent=2, allow_nan=False))
    return int(not all(verdict.reproduced for verdict in verdicts))


@app.command("cache")
@click.argument("action", type=click.Choice(["info", "clear"]))
def _cache(action: str) -> None:
    """Say what the caches of signals and of texts' scores hold, or empty them."""
    from .cache_command import cleared, contents

    for line in cleared() if action == "clear" else contents():
        _say(line)


def main(words: list[str]) -> int:
    """Run a command line; every error that a user can mend is one line on stderr.

    Returns
    -------
    0 done, 1 a check failed, 2 bad input, 130 interrupted.
    """
    try:
        answer: Any = app.main(words, prog_name="run_backtest.py", standalone_mode=False)
    except WorkbenchError as error:
        return _fail(error.line, error.exit_code)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt) as error:  # click puts its own in the place of the interrupt
        told = str(error.__cause__ or error)
        return _fail(told or "interrupted; nothing was left half-written", 130)
    except OSError as error:  # what a run reads and writes names its own errors; this is the terminal or a pipe
        return _fail(f"{error.filename or 'the output'}: {error.strerror or error}; send the output elsewhere", 2)
    return answer if isinstance(answer, int) else 0


def _fail(text: str, code: int) -> int:
    line = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in " ".join(text.split()))
    with suppress(OSError):  # stderr may be closed as well
        click.echo(f"error: {line}", err=True)
    return code
