"""``run_backtest.py review | compare``: many runs beside each other."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.errors import ConfigError
from core.number_format import count
from engine.cli.console import say
from engine.cli.outputs import require_files

if TYPE_CHECKING:
    from engine.review.collection import Review

PATH = click.Path(path_type=Path)
RUNS = Path("runs")
"""Where runs are written unless --out says otherwise."""
EPILOG = "Exit codes: 0 done, 2 bad input, 130 interrupted."


@click.command("review", epilog=EPILOG)
@click.argument("paths", metavar="[RUN|SWEEP|AUDIT|DIR ...]", nargs=-1, type=PATH)
@click.option("--out", type=PATH, help="The page to write; default: review.html in the first folder named.")
@click.option("--pdf", type=PATH, help="Print the page into this PDF file as well; needs an installed Chromium.")
@click.option("--serve", is_flag=True, help="Serve the page on this machine, so that marks can be saved.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of --serve; by default a free one.")
@click.option("--text", is_flag=True, help="Print the table on the terminal, and write no page.")
@click.option("--json", "as_json", is_flag=True, help="Print all columns as JSON, and write no page.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all columns as CSV, and write no page.")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="Rows of --text; 0 prints all.")
@click.option("--sort", default="-made", show_default=True, help="Column to sort by; `-` in front reverses it.")
def review(paths: tuple[Path, ...], **options: Any) -> None:
    """Lay finished runs and sweeps beside each other on one page; by default those in runs/."""
    _review(paths or (RUNS,), (), options)


@click.command("compare", epilog=EPILOG)
@click.argument("paths", metavar="RUN RUN ...", nargs=-1, type=PATH, required=True)
@click.option("--out", type=PATH, help="The page to write; default: compare.html beside the first run.")
@click.option("--text", is_flag=True, help="Print the table on the terminal, and write no page.")
def compare(paths: tuple[Path, ...], out: Path | None, text: bool) -> None:
    """Lay two runs or more over each other: a review with these pinned, the first as the base."""
    if len(paths) < 2:
        raise ConfigError(f"compare needs two runs or more; given {paths[0]}")
    out = out or paths[0].resolve().parent / "compare.html"
    _review(paths, paths, {"out": out, "text": text, "sort": "-made", "limit": 0})


def list_runs(paths: tuple[Path, ...]) -> None:
    """Print the table of a review, newest first: ``list runs``."""
    _review(paths or (RUNS,), (), {"text": True, "sort": "-made", "limit": 50})


def _review(paths: tuple[Path, ...], pinned: tuple[Path, ...], options: dict[str, Any]) -> None:
    from engine.review import terminal
    from engine.review.collection import collect

    forms = [name for name in ("text", "as_json", "as_csv", "serve") if options.get(name)]
    if len(forms) > 1:
        raise ConfigError("--text, --json, --csv and --serve exclude each other; choose one")
    files = [f"--{name}" for name in ("out", "pdf") if options.get(name)]
    if forms and files and not pinned:
        raise ConfigError(f"{files[0]}: --text, --json, --csv and --serve write no file; leave one of them out")
    require_files({option: options.get(option.removeprefix("--")) for option in ("--out", "--pdf")})
    collected = collect(paths)
    rows = terminal.sorted_rows(collected.rows, options["sort"])
    if options.get("text"):
        terminal.show(collected, rows, limit=options["limit"])
    elif options.get("as_json"):
        say(terminal.as_json(collected, rows))
    elif options.get("as_csv"):
        say(terminal.as_csv(rows).rstrip("\n"))
    elif options.get("serve"):
        _serve(paths, collected, options["port"])
    else:
        _write(collected, pinned, options.get("out") or paths[0] / "review.html", options.get("pdf"))


def _write(collected: "Review", pinned: tuple[Path, ...], out: Path, pdf: Path | None) -> None:
    from engine.review.page import write_page

    write_page(collected, out, pinned=pinned)
    say(f"{count(len(collected.rows), 'run or sweep', 'runs and sweeps')}: {out}")
    say("marks: this file shows them; to save some, use `run_backtest.py review --serve`")
    for left in collected.refused:
        say(f"not shown: {left.folder}: {left.reason}")
    if pdf:
        from engine.pages.pdf import print_pdf

        say(str(print_pdf(out, pdf)))


def _serve(paths: tuple[Path, ...], collected: "Review", port: int) -> None:
    from engine.review.collection import collect
    from engine.review.page import page
    from engine.review.server import ReviewServer

    folders = [Path(item.row.folder) for item in collected.rows]
    with ReviewServer(folders, lambda: page(collect(paths), served=folders), port) as server:
        say(f"{server.url}  (on this machine only; Ctrl-C ends it)")
        with suppress(KeyboardInterrupt):  # the way to end it
            server.serve_forever(poll_interval=0.2)
