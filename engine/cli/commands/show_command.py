"""``run_backtest.py show``: resolved configs and summaries of finished runs."""

from pathlib import Path

import click

from core.errors import ConfigError
from engine.cli.arguments import files_and_overrides
from engine.cli.console import say


@click.command("show")
@click.argument("words", metavar="CONFIG|RUN... [key=value ...]", nargs=-1, required=True)
def show(words: tuple[str, ...]) -> None:
    """Show a resolved config, or a finished run's summary."""
    from engine.config.yaml_text import as_yaml
    from engine.run_folder.run_folder import is_run_folder
    from engine.sweep.load_config import load

    paths, overrides = files_and_overrides(words)
    for path in paths:
        if is_run_folder(path):
            _show_folder(path)
        elif path.is_dir():
            raise ConfigError(f"{path}: is neither a config file nor a run folder (it holds no manifest.json)")
        else:
            say(as_yaml(load(path, overrides).dump()).rstrip())


def _show_folder(path: Path) -> None:
    from engine.pages import terminal as run_summary
    from engine.review.marks import read_mark
    from engine.sweep.pages import terminal as sweep_summary

    summary = sweep_summary if sweep_summary.is_sweep(path) else run_summary
    summary.show_folder(path)
    mark = read_mark(path)
    if mark.revision:
        say(f"mark: {mark.mark or 'none'} ({mark.at[:10]}){': ' if mark.note else ''}{mark.note}")
