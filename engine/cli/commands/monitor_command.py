"""``run_backtest.py monitor``: served predictions beside their outcomes, with alarms whose rate is stated."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from core.errors import ConfigError, DataError, StoreError
from engine.cli.arguments import FiniteRange, sorted_words
from engine.cli.console import say
from engine.cli.outputs import require_files

from .bundle_command import FORCE_HELP, KEY_HELP, PATH, key_of
from .serve_command import database_of, require_extra

if TYPE_CHECKING:
    from engine.bundle.bundle import Bundle
    from serving.monitor.observations import Observations
    from serving.monitor.run import Evaluation, Reference

EPILOG = "Exit codes: 0 ok or watch, 1 retrain, 2 bad input, 130 interrupted."


@click.command("monitor", epilog=EPILOG)
@click.argument("folder", metavar="BUNDLE", type=PATH)
@click.argument("words", metavar="[CONFIG | FILE...] [data.key=value ...]", nargs=-1)
@click.option("--db", envvar="BTML_DB", show_envvar=True, help="Prediction log; default: the file beside the bundle.")
@click.option(
    "--every",
    type=click.IntRange(20, 5_000),
    default=500,
    show_default=True,
    help="Sessions in which one false alarm of all checks together is accepted.",
)
@click.option(
    "--retrain", "challenger", type=PATH, help="Folder of a challenger: trained if it is not there, else compared."
)
@click.option(
    "--promote", is_flag=True, help="With --retrain: let the challenger take the place if the evidence is there."
)
@click.option("--watch", is_flag=True, help="Evaluate again and again, until Ctrl-C.")
@click.option(
    "--pause", type=FiniteRange(0, 10_080, min_open=True), default=60.0, show_default=True, help="Minutes between."
)
@click.option("--json", "as_json", is_flag=True, help="Print each evaluation as one line of JSON, and nothing else.")
@click.option("--page", type=PATH, help="Write a page with pictures into this file.")
@click.option("--webhook", help="Address that is told of each evaluation that is not ok.")
@click.option("--log", "log_file", type=PATH, help="File to which each evaluation is appended as one line of JSON.")
@click.option("--gauges", type=PATH, help="File for Prometheus' textfile collector.")
@click.option("--key-file", type=PATH, help=KEY_HELP)
@click.option("--force", is_flag=True, help=FORCE_HELP)
def monitor(folder: Path, words: tuple[str, ...], **options: Any) -> int:
    """Compare served predictions with what came, and say whether the model is still the one that was tested."""
    require_extra()
    from engine.bundle.read import load_bundle
    from serving.monitor.webhook import check_address

    _require_outputs(options)
    if options["webhook"]:
        check_address(options["webhook"])

    def load() -> "Bundle":
        return load_bundle(folder, key=key_of(options["key_file"]), force=options["force"])

    bundle = load()
    _judged(bundle, folder)
    _require_log(options["db"] or database_of(folder))
    reference = _reference(bundle, folder, options["every"])
    paths, overrides = sorted_words(words)

    def once() -> "Evaluation":
        nonlocal bundle, reference
        current = load()  # another one may have taken its place since
        if current.contents.digest != bundle.contents.digest:
            bundle, reference = current, _reference(current, folder, options["every"])
        evaluation = _evaluate(bundle, reference, options["db"] or database_of(folder), paths, overrides)
        _told(evaluation, options)
        if options["challenger"]:
            _challenge(bundle, folder, paths, overrides, options)
        return evaluation

    evaluation = once()
    if options["watch"]:
        _again(once, 60.0 * options["pause"])
        return 0
    return int(evaluation.verdict == "retrain")


def _require_outputs(options: dict[str, Any]) -> None:
    """Refuse what could not be written after minutes of work."""
    from engine.bundle.contents import DESCRIPTION
    from engine.bundle.write import require_free

    if options["promote"] and not options["challenger"]:
        raise ConfigError("--promote: names no challenger; add --retrain DIR")
    require_files({"--page": options["page"], "--gauges": options["gauges"], "--log": options["log_file"]})
    challenger = options["challenger"]
    if challenger and not (challenger / DESCRIPTION).is_file():
        require_free(challenger)


def _judged(bundle: "Bundle", folder: Path) -> "Observations":
    """The walk-forward of a bundle; refuses one whose forecasts cannot be compared with outcomes, or without one."""
    if not bundle.parts:
        raise ConfigError(f"{folder}: holds a rule, which forecasts nothing that could be compared with an outcome")
    label = bundle.rules.signals.training.label
    if not label.returns:
        raise ConfigError(f"{folder}: its label {label.kind} is no return, and the monitor compares returns")
    if bundle.reference is None:
        raise StoreError(f"{folder}: has no walk-forward to compare with; train it again with --run RUN")
    return bundle.reference


def _reference(bundle: "Bundle", folder: Path, every: int) -> "Reference":
    from serving.monitor.run import Reference

    label = bundle.rules.signals.training.label
    try:
        return Reference.of(_judged(bundle, folder), label, every, bundle.contents.seed)
    except DataError as error:
        raise DataError(f"{folder}: {error.line}") from None


def _evaluate(
    bundle: "Bundle", reference: "Reference", url: str, paths: list[Path], overrides: list[str]
) -> "Evaluation":
    from engine.bundle.data import data_block
    from serving.monitor.join import COLUMNS
    from serving.monitor.run import evaluate
    from serving.prediction_log.log import PredictionLog
    from serving.prediction_log.read import read_alarms, read_predictions

    _require_log(url)
    market = data_block(bundle, paths, overrides).load()
    log = PredictionLog.open(url)
    try:
        logged = read_predictions(log, bundle.contents.digest, columns=COLUMNS, zone=market.zone)
        differing = read_alarms(log, bundle.contents.digest)
    finally:
        log.close()
    return evaluate(logged, market, reference, differing)


def _challenge(
    champion: "Bundle", folder: Path, paths: list[Path], overrides: list[str], options: dict[str, Any]
) -> None:
    """Train the challenger where there is none yet; else compare, and promote it if that is asked for and shown."""
    from engine.bundle.data import data_block
    from engine.bundle.lifecycle.promote import promote
    from engine.bundle.lifecycle.retrain import compare_bundles, train_challenger
    from engine.bundle.read import load_bundle
    from engine.pages.progress import reporting

    path = options["challenger"]
    if path.exists() and path.resolve() == folder.resolve():
        raise ConfigError(f"--retrain {path}: is the champion itself; name another folder")
    data = data_block(champion, paths, overrides)
    key = key_of(options["key_file"])
    if not path.exists():
        with reporting(quiet=options["as_json"]) as on_progress:
            challenger = train_challenger(champion, path, data, key=key, on_progress=on_progress)
        say(f"challenger  {path}: trained on what was known at {challenger.contents.cut}", options["as_json"])
        return
    challenger = load_bundle(path, key=key, force=options["force"])
    comparison = compare_bundles(champion, challenger, data.load())
    say(json.dumps({"challenger": comparison.dump()}) if options["as_json"] else f"challenger  {comparison.sentence}")
    if options["promote"] and comparison.promotes:
        replaced = promote(folder, path, comparison.sentence, key)
        say(f"challenger  has taken the place of {folder}, which lies in {replaced} now", options["as_json"])


def _require_log(url: str) -> None:
    """Opening a file of SQLite would make it, or its tables."""
    import sqlite3

    path = Path(url.removeprefix("sqlite:///"))
    if str(path) == url:
        return
    if not path.is_file():
        raise StoreError(f"{path}: there is no prediction log; serve the bundle first, or name its --db")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read as a prediction log ({error}); name another --db") from None
    if "predictions" not in tables:
        raise StoreError(f"{path}: is no prediction log; name the --db of the service")


def _told(evaluation: "Evaluation", options: dict[str, Any]) -> None:
    """Print, append, draw and send an evaluation, as the options say."""
    from serving.monitor import terminal
    from serving.monitor.gauges import write_gauges
    from serving.monitor.webhook import post

    content = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **evaluation.dump()}
    line = json.dumps(content, allow_nan=False)
    if options["as_json"]:
        say(line)
    else:
        terminal.show(evaluation)
    if options["log_file"]:
        _append(options["log_file"], line)
    if options["page"]:
        from engine.pages.monitor_page import write_page

        write_page(evaluation, options["page"])
        say(str(options["page"]), options["as_json"])
    if options["gauges"]:
        write_gauges(evaluation, options["gauges"])
    if options["webhook"] and evaluation.verdict != "ok":
        post(options["webhook"], content)


def _append(path: Path, line: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:  # one write: two monitors may append to one file
            file.write(line.encode() + b"\n")
    except OSError as error:
        raise StoreError(f"--log {path}: cannot be written: {error.strerror}; name another file") from error


def _again(once: Callable[[], object], seconds: float) -> None:
    """Evaluate until an interrupt; what a user can mend is said, and tried again."""
    import logging

    from core.errors import WorkbenchError

    waiting = Event()
    try:
        while not waiting.wait(seconds):
            try:
                once()
            except WorkbenchError as error:
                logging.getLogger(__name__).warning("%s", error.line)
    except KeyboardInterrupt:
        return
