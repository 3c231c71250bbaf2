"""``run_backtest.py serve``: a bundle over HTTP."""

from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.errors import ConfigError, install_hint
from engine.cli.arguments import FiniteRange
from engine.cli.console import say

from .bundle_command import FORCE_HELP, KEY_HELP, PATH, key_of

if TYPE_CHECKING:
    from serving.http.app import Application
    from serving.http.tokens import Tokens
    from serving.prediction_log.log import PredictionLog

NEEDED = ("fastapi", "uvicorn", "prometheus_client", "sqlalchemy", "swagger_ui_bundle")


def database_of(folder: Path) -> str:
    """The prediction log of a bundle unless another one is named: a file beside its folder."""
    path = folder.absolute()
    return f"sqlite:///{path.parent / f'{path.name}.predictions.sqlite'}"


def require_extra() -> None:
    """Refuse to go on without the libraries of the extra ``serve``.

    Raises
    ------
    ConfigError
        One of them is not installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(f"the service needs {missing[0]}, which is not installed; {install_hint('serve')}")


@click.command("serve", epilog="Exit codes: 0 stopped by SIGTERM or Ctrl-C, 2 bad input.")
@click.argument("folder", metavar="BUNDLE", type=PATH)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address; one that others reach needs a token.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: a free one.")
@click.option(
    "--db",
    envvar="BTML_DB",
    show_envvar=True,
    help="Prediction log: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DB; default: a file beside the bundle.",
)
@click.option(
    "--token-file", type=PATH, help="File with the token of clients and, on a second line, the administrator's."
)
@click.option(
    "--keep-days", type=FiniteRange(0, 36_500, min_open=True), help="Remove predictions older than so many days."
)
@click.option("--at-once", default=32, show_default=True, type=click.IntRange(1), help="Requests answered at once.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Threads that decide.")
@click.option("--key-file", type=PATH, help=KEY_HELP)
@click.option("--force", is_flag=True, help=FORCE_HELP)
def serve(folder: Path, host: str, port: int, db: str | None, **options: Any) -> None:
    """Answer predictions, sides and sizes of a bundle over HTTP, and keep each of them in a log."""
    require_extra()
    from serving.http.server import opened_socket
    from serving.http.server import serve as serve_http
    from serving.http.tokens import Tokens
    from serving.json_logs import log_as_json
    from serving.prediction_log.log import PredictionLog

    tokens = Tokens.read(options["token_file"]) if options["token_file"] else Tokens()
    with (
        opened_socket(host, port, has_tokens=bool(tokens.client)) as listener,
        closing(PredictionLog.open(db or _database_beside(folder, options))) as log,
    ):
        application = _application(folder, host, log, tokens, options)
        log_as_json()
        about = application.service.served.model.about

        def announce(address: str) -> None:
            say(f"serving   {folder}: {about['name']}, trained until {about['trained_until']}")
            say(f"address   {address}/predict; {address}/docs shows the API; stop with Ctrl-C")
            say(f"log       {log.where}")

        serve_http(application, listener, announce)


def _database_beside(folder: Path, options: Mapping[str, Any]) -> str:
    """The log beside a bundle; refuses what is no bundle before a file is made beside it."""
    from engine.bundle.read import load_bundle

    load_bundle(folder, key=key_of(options["key_file"]), force=options["force"])
    return database_of(folder)


def _application(
    folder: Path, host: str, log: "PredictionLog", tokens: "Tokens", options: Mapping[str, Any]
) -> "Application":
    from engine.bundle.lifecycle.served import ServedBundle, load_served
    from serving.http.app import Application
    from serving.http.settings import Limits, is_loopback
    from serving.service import Service

    key = key_of(options["key_file"])

    def load(path: Path) -> ServedBundle:
        return load_served(path, key=key, force=options["force"])

    service = Service(load, folder, log, keep_days=options["keep_days"])
    limits = Limits(at_once=options["at_once"], threads=options["threads"])
    return Application(service, limits, tokens, local_names_only=is_loopback(host))
