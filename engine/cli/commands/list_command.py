"""``run_backtest.py list``: every plug-in, or the finished runs."""

from pathlib import Path

import click

from core.errors import ConfigError

RUNS = "runs"


@click.command("list")
@click.argument("what", metavar="FAMILY|runs", required=False)
@click.argument("folders", metavar="DIR ...", nargs=-1, type=click.Path(path_type=Path))
def list_plugins(what: str | None, folders: tuple[Path, ...]) -> None:
    """List plug-ins, their parameters and defaults: sources, features, models, strategies, measures.

    `list runs [DIR ...]` lists finished runs and sweeps: the table of `review --text`.
    """
    if what == RUNS:
        from engine.cli.commands.review_command import list_runs

        list_runs(folders)
        return
    if folders:
        raise ConfigError(f"list {what}: takes no folders ({folders[0]}); only `list runs` does")
    from engine.cli.plugin_table import print_plugins

    print_plugins(what)
