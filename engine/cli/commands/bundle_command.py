"""``run_backtest.py train | predict | bundle``: model bundles on the command line."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.errors import ConfigError, StoreError
from engine.cli.arguments import files_and_overrides, sorted_words
from engine.cli.console import say

if TYPE_CHECKING:
    from core.types import Market
    from engine.bundle.bundle import Bundle

PATH = click.Path(path_type=Path)
KEY_HELP = "File with the key that signs the bundle; on loading, the signature is then required."
EQUAL = "the bundles are equal"
FORCE_HELP = "Load a bundle although code or libraries differ from those that it was made with."


def key_of(path: Path | None) -> bytes | None:
    """The key in a file; None for no file.

    Raises
    ------
    StoreError
        The file cannot be read, or holds fewer than 16 bytes.
    """
    if path is None:
        return None
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise StoreError(f"--key-file {path}: cannot be read: {error.strerror}") from error
    if len(key) < 16:
        raise StoreError(f"--key-file {path}: has {len(key)} bytes; a key needs at least 16")
    return key


@click.command("train", epilog="Exit codes: 0 done, 2 bad input, 130 interrupted.")
@click.argument("words", metavar="CONFIG [key=value ...]", nargs=-1, required=True)
@click.option("--bundle", "folder", type=PATH, required=True, help="The folder to write; an older bundle is replaced.")
@click.option("--cut", help="Last date, or ISO time, that is known; default: the last bar.")
@click.option("--run", type=PATH, help="Run folder of the same config, for the errors of its walk-forward.")
@click.option("--key-file", type=PATH, help=KEY_HELP)
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache of data files.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
def train(
    words: tuple[str, ...],
    folder: Path,
    cut: str | None,
    run: Path | None,
    key_file: Path | None,
    no_cache: bool,
    quiet: bool,
) -> None:
    """Fit a config's model on what was known at the cut, and keep it as a bundle."""
    from engine.bundle.train import train as train_bundle
    from engine.pages.progress import reporting
    from engine.sweep.load_config import load
    from marketdata.market_cache import keeping_markets

    config = load(one(words), files_and_overrides(words)[1])
    with reporting(quiet=quiet) as on_progress, keeping_markets(not no_cache):
        bundle = train_bundle(config, folder, cut=cut or "", run=run, key=key_of(key_file), on_progress=on_progress)
    for line in described(bundle):
        say(line, quiet)


def one(words: tuple[str, ...]) -> Path:
    """The only file among the words of a command line."""
    paths, _ = files_and_overrides(words)
    if len(paths) != 1:
        raise ConfigError(f"one config is trained at a time; given {', '.join(map(str, paths)) or 'none'}")
    return paths[0]


@click.command(
    "bundle", epilog="Exit codes: 0 sound or equal, 1 the bundles differ, 2 bad input, or a bundle is not sound."
)
@click.argument("action", type=click.Choice(["show", "verify", "diff"]))
@click.argument("folders", metavar="BUNDLE [BUNDLE]", type=PATH, nargs=-1, required=True)
@click.option("--key-file", type=PATH, help=KEY_HELP)
@click.option("--force", is_flag=True, help=FORCE_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print the description as JSON, and nothing else (show).")
def bundle(action: str, folders: tuple[Path, ...], key_file: Path | None, force: bool, as_json: bool) -> int:
    """Show what a bundle contains, verify it, or compare two: config, span, features, weights, errors."""
    from engine.bundle.compare import differences
    from engine.bundle.read import load_bundle

    needed = 2 if action == "diff" else 1
    if len(folders) != needed:
        raise ConfigError(f"bundle {action}: takes {needed} bundle{'s' * (needed > 1)}; given {len(folders)}")
    loaded = [load_bundle(folder, key=key_of(key_file), force=force) for folder in folders]
    if action == "diff":
        lines = differences(*loaded) or [EQUAL]
    elif as_json:
        lines = [json.dumps(loaded[0].contents.dump(), indent=2)]
    else:
        lines = described(loaded[0]) if action == "show" else [_verified(loaded[0])]
    for line in lines:
        say(line)
    return int(action == "diff" and lines != [EQUAL])


def _verified(loaded: "Bundle") -> str:
    size = sum(entry.size for entry in loaded.contents.files.values())
    tests = len(loaded.contents.self_test)
    return (
        f"{loaded.folder}: sound: {size:,} bytes of weights, {tests} self-test{'s' * (tests > 1)} answered bit for bit"
    )


@click.command("predict", epilog="Exit codes: 0 done, 2 bad input.")
@click.argument("folder", metavar="BUNDLE", type=PATH)
@click.argument("words", metavar="CONFIG|FILE|data.key=value ...", nargs=-1)
@click.option("--at", help="Decide at the last bar of this date, or ISO time; default: the last bar.")
@click.option("--account", type=float, help="Account value for the sizes; default: the config's broker.cash.")
@click.option("--key-file", type=PATH, help=KEY_HELP)
@click.option("--force", is_flag=True, help=FORCE_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print the decisions as JSON, and nothing else.")
def predict(
    folder: Path,
    words: tuple[str, ...],
    at: str | None,
    account: float | None,
    key_file: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Print what the bundle's model and rule decide at the last bar of some data."""
    import pandas as pd

    from engine.bundle.read import load_bundle
    from engine.bundle.terminal import show_decisions
    from engine.bundle.trained import cut_of

    if account is not None and not 0 < account < math.inf:
        raise ConfigError(f"--account {account:g}: must be above 0, and finite")
    loaded = load_bundle(folder, key=key_of(key_file), force=force)
    market = _market(loaded, words)
    now = None if at else pd.Timestamp.now("UTC")
    decisions = loaded.decide(market.until(cut_of(market, at or "", "--at")), account=account, now=now)
    if as_json:
        say(json.dumps(decisions.dump(), indent=2, allow_nan=False))
        return
    show_decisions(decisions, loaded.contents.name)


def _market(loaded: "Bundle", words: tuple[str, ...]) -> "Market":
    """The data of a config, of files, or those of the bundle's own config with overrides."""
    from engine.bundle.data import data_block

    paths, overrides = sorted_words(words)
    return data_block(loaded, paths, overrides).load()


def described(loaded: "Bundle") -> list[str]:
    """The summary of a bundle, line by line."""
    about = loaded.contents
    fitted_for = ", ".join(symbol or "all symbols" for symbol in about.parts) or "a rule, nothing is fitted"
    rows = sum(part.rows for part in about.parts.values())
    lines = [
        f"bundle    {loaded.folder}",
        f"config    {about.name} ({about.config_id}), model {about.config['model']['kind']}",
        f"known     until {about.cut}" + (f"; for the {about.valid_for} bars after it" if about.valid_for else ""),
        f"symbols   {', '.join(about.symbols)}; fitted: {fitted_for}" + (f", {rows:,} training rows" if rows else ""),
    ]
    lines += [f"features  {', '.join(about.features)}"] if about.features else []
    lines += [f"no model  {symbol}: {reason}" for symbol, reason in about.untrained.items()]
    errors = about.out_of_sample
    if errors:
        lines.append(
            f"errors    of {errors.rows:,} predictions of {errors.run}: mean {errors.mean:.3g}, standard deviation "
            f"{errors.standard_deviation:.3g}"
        )
    lines.append(f"weights   {sum(entry.size for entry in about.files.values()):,} bytes")
    return lines
