"""``run_backtest.py list``: every plug-in."""

import click


@click.command("list")
@click.argument("family", required=False)
def list_plugins(family: str | None) -> None:
    """List plug-ins, their parameters and defaults: sources, features, models, strategies, measures."""
    from engine.cli.plugin_table import print_plugins

    print_plugins(family)
