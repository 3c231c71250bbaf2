"""``run_backtest.py train | predict | bundle``: model bundles on the command line."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.errors import ConfigError, StoreError

from .arguments import files_and_overrides
from .console import say

if TYPE_CHECKING:
    from core.types import Market
    from engine.bundle.bundle import Bundle

PATH = click.Path(path_type=Path)
KEY_HELP = "File with the key that signs the bundle; on loading, the signature is then required."
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
@click.option("--cut", default="", help="Last date, or ISO time, that is known; default: the last bar.")
@click.option("--run", type=PATH, help="Run folder of the same config, for the errors of its walk-forward.")
@click.option("--key-file", type=PATH, help=KEY_HELP)
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache of data files.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
def train(
    words: tuple[str, ...],
    folder: Path,
    cut: str,
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
        bundle = train_bundle(config, folder, cut=cut, run=run, key=key_of(key_file), on_progress=on_progress)
    for line in described(bundle):
        say(line, quiet)


def one(words: tuple[str, ...]) -> Path:
    """The only file among the words of a command line."""
    paths, _ = files_and_overrides(words)
    if len(paths) != 1:
        raise ConfigError(f"one config is trained at a time; given {', '.join(map(str, paths)) or 'none'}")
    return paths[0]


@click.group("bundle")
def bundle() -> None:
    """Show, verify and compare model bundles."""


@bundle.command("show")
@click.argument("folder", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print the description as JSON, and nothing else.")
@click.option("--force", is_flag=True, help=FORCE_HELP)
def show(folder: Path, as_json: bool, force: bool) -> None:
    """Print what a bundle holds, after it was verified."""
    from engine.bundle.read import load_bundle

    loaded = load_bundle(folder, force=force)
    if as_json:
        say(json.dumps(loaded.contents.dump(), indent=2))
        return
    for line in described(loaded):
        say(line)


@bundle.command("verify", epilog="Exit codes: 0 the bundle is sound, 2 it is not.")
@click.argument("folder", type=PATH)
@click.option("--key-file", type=PATH, help=KEY_HELP)
@click.option("--force", is_flag=True, help=FORCE_HELP)
def verify(folder: Path, key_file: Path | None, force: bool) -> None:
    """Check files, signature, digests, versions and the self-test of a bundle."""
    from engine.bundle.read import load_bundle

    loaded = load_bundle(folder, key=key_of(key_file), force=force)
    size = sum(entry.size for entry in loaded.contents.files.values())
    tests = len(loaded.contents.self_test)
    say(f"{folder}: sound: {size:,} bytes of weights, {tests} self-test{'s' if tests > 1 else ''} answered bit for bit")


@bundle.command("diff", epilog="Exit codes: 0 they are equal, 1 they differ, 2 bad input.")
@click.argument("first", type=PATH)
@click.argument("second", type=PATH)
@click.option("--force", is_flag=True, help=FORCE_HELP)
def diff(first: Path, second: Path, force: bool) -> int:
    """Compare two bundles: config, span, features, weights, errors."""
    from engine.bundle.compare import differences
    from engine.bundle.read import load_bundle

    lines = differences(load_bundle(first, force=force), load_bundle(second, force=force))
    for line in lines or ["the bundles are equal"]:
        say(line)
    return int(bool(lines))


@click.command("predict", epilog="Exit codes: 0 done, 2 bad input.")
@click.argument("folder", metavar="BUNDLE", type=PATH)
@click.argument("words", metavar="[CONFIG | FILE | data.key=value ...]", nargs=-1)
@click.option("--at", default="", help="Decide at the last bar of this date, or ISO time; default: the last bar.")
@click.option("--account", type=float, help="Account value for the sizes; default: the config's broker.cash.")
@click.option("--key-file", type=PATH, help=KEY_HELP)
@click.option("--force", is_flag=True, help=FORCE_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print the decisions as JSON, and nothing else.")
def predict(
    folder: Path,
    words: tuple[str, ...],
    at: str,
    account: float | None,
    key_file: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Print what the bundle's model and rule decide at the last bar of some data."""
    from engine.bundle.read import load_bundle
    from engine.bundle.terminal import show_decisions
    from engine.bundle.trained import cut_of

    if account is not None and not account > 0:
        raise ConfigError(f"--account {account:g}: must be above 0")
    loaded = load_bundle(folder, key=key_of(key_file), force=force)
    market = _market(loaded, words)
    decisions = loaded.decide(market.until(cut_of(market, at, "--at")), account=account)
    if as_json:
        say(json.dumps(decisions.dump(), indent=2, allow_nan=False))
        return
    show_decisions(decisions, loaded.contents.name)


def _market(loaded: "Bundle", words: tuple[str, ...]) -> "Market":
    """The data of a config, of files, or those of the bundle's own config with overrides."""
    from engine.bundle.data import data_block

    paths, overrides = files_and_overrides(words) if words else ([], [])
    return data_block(loaded, paths, overrides).load()


def described(loaded: "Bundle") -> list[str]:
    """What people want to know of a bundle."""
    about = loaded.contents
    fits = ", ".join(symbol or "all symbols" for symbol in about.parts) or "a rule, nothing is fitted"
    rows = sum(part.rows for part in about.parts.values())
    lines = [
        f"bundle    {loaded.folder}",
        f"config    {about.name} ({about.config_id}), model {about.config['model']['kind']}",
        f"known     until {about.cut}" + (f"; for the {about.valid_for} bars after it" if about.valid_for else ""),
        f"symbols   {', '.join(about.symbols)}; fitted: {fits}" + (f", {rows:,} training rows" if rows else ""),
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
