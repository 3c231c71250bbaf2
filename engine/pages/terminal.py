"""The summary of a run on the terminal: from its metrics, so that a finished folder says the same."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from core.errors import StoreError
from core.number_format import count, format_value, money, percent, title
from engine.backtest.account_returns import AT_EXPOSURE, BENCHMARK, STRATEGY
from engine.run_folder.run_folder import MANIFEST, read_json
from risk.periods import adjective

FORECASTS = ("mse", "mae", "r2", "r2_mean", "mape", "hit_rate", "ic")
BASELINES = ("zero", "expanding_mean", "ar1", "always_long")
BOUNDED = ("sharpe", "cagr")
SHARES = ("mape", "hit_rate")
PAGES = ("tearsheet.html", "report.html")


def show(
    metrics: Mapping[str, Any],
    folder: Path,
    note: str = "",
    console: Console | None = None,
    tried: Sequence[str] = (),
) -> None:
    """Print the summary of a run.

    Parameters
    ----------
    metrics : what metrics.json holds.
    folder : the run folder.
    note : about an earlier folder of the same id; empty if there is nothing to say.
    console : where to; stdout if left out.
    tried : sentences on the settings tried on the data.
    """
    console = console or Console(highlight=False)
    console.print()
    blocks = (
        *_head(metrics, folder, tried),
        _returns(metrics),
        *_flags(metrics),
        *_intervals(metrics),
        *_forecasts(metrics),
        *_account(metrics),
    )
    for block in blocks:
        console.print(block)
    for line in _files(folder, note):
        console.print(line, soft_wrap=True)


def show_folder(folder: Path, console: Console | None = None) -> None:
    """Print the summary of a finished run folder.

    Raises
    ------
    StoreError
        Its metrics.json is missing, damaged, or not of this version.
    """
    path = folder / "metrics.json"
    console = console or Console(highlight=False)
    try:
        with console.capture() as text:
            show(read_json(path), folder, console=console, tried=_tried(folder))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise StoreError(
            f"{path}: is not what this version writes ({error!r}); run the folder's config again"
        ) from None
    console.file.write(text.get())


def _tried(folder: Path) -> Sequence[str]:
    """Sentences on the settings tried when the run was made, from its manifest; none in an older one."""
    try:
        return tuple(read_json(folder / MANIFEST)["tried"]["sentences"])
    except (StoreError, KeyError, TypeError):
        return ()


def _head(metrics: Mapping[str, Any], folder: Path, tried: Sequence[str]) -> Iterable[Any]:
    span = metrics["span"]
    verdict = metrics["verdict"]
    folds = metrics["folds"]
    trained = f"{count(folds, 'fold')}, all of it out of sample" if folds else "no training"
    yield Text(folder.name, style="bold")
    returns = f"{count(span['sessions'], _returns_name(metrics))}, {metrics['periods_per_year']:g} a year"
    days = f"{span['first_session']} to {span['last_session']}, {returns}"
    yield Text(f"{', '.join(metrics['symbols'])}: {days}; {trained}")
    if metrics["risk_free_note"]:
        yield Text(f"ratios compare with {percent(metrics['risk_free'])} a year ({metrics['risk_free_note']})")
    for text in metrics.get("data_warnings", ()):
        yield Text(f"data: {text}", style="yellow")
    yield Text()
    yield Text(verdict["headline"], style="bold green" if metrics["verdict"].get("beats") else "bold yellow")
    for sentence in (*verdict["sentences"], *tried):
        yield Padding(Text(sentence), (0, 0, 0, 2))
    yield Padding(Text(f"Not tried: {'; '.join(verdict['not_tried'])}."), (0, 0, 0, 2))
    yield Text()


def _grid(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(Text(heads[0]), no_wrap=True, header_style="bold")
    for head in heads[1:]:
        table.add_column(Text(head), justify="right", header_style="bold", overflow="fold")
    return table


def _returns_name(metrics: Mapping[str, Any]) -> str:
    """``daily return``, by the period of the returns."""
    return f"{adjective(metrics['period'])} return"


def _returns(metrics: Mapping[str, Any]) -> Table:
    exposure = percent(metrics["exposure"]["gross_mean"]["value"])
    name = metrics["benchmark"]
    table = _grid(f"{_returns_name(metrics)}s", "strategy", name, f"{name} at {exposure}")
    columns = [metrics["measures"][column] for column in (STRATEGY, BENCHMARK, AT_EXPOSURE)]
    for measure in metrics["headline"]:
        about = columns[0][measure]
        label = title(measure) + (f", n = {about['n']}" if measure.startswith(("value_at", "expected")) else "")
        table.add_row(label, *(format_value(column[measure]["value"], about["unit"]) for column in columns))
    return table


def _flags(metrics: Mapping[str, Any]) -> Iterable[Text]:
    """The flags of the strategy's headline measures, each once."""
    measures = metrics["measures"][STRATEGY]
    named: dict[str, list[str]] = {}
    for name in metrics["headline"]:
        for flag in measures[name]["flags"]:
            named.setdefault(flag, []).append(title(name))
    for flag, names in named.items():
        yield Text(f"{', '.join(names)}: {flag}", style="yellow")


def _intervals(metrics: Mapping[str, Any]) -> Iterable[Text]:
    """The strategy's, of the ratio that most readers look at first and of the growth."""
    measures = metrics["measures"][STRATEGY]
    intervals = {name: measures[name]["interval"] for name in BOUNDED if measures[name].get("interval")}
    spans = [
        f"{title(name)} {_span(span, measures[name]['unit'])}" for name, span in intervals.items() if not span["reason"]
    ]
    if spans:
        level = next(iter(intervals.values()))["level"]
        yield Text(f"{100 * level:.10g} % intervals: {', '.join(spans)}")


def _span(interval: Mapping[str, Any], unit: str) -> str:
    return f"{format_value(interval['low'], unit)} to {format_value(interval['high'], unit)}"


def _forecasts(metrics: Mapping[str, Any]) -> Iterable[Any]:
    forecasts = metrics["forecasts"]
    if not forecasts:
        return
    overall = forecasts["overall"]
    baselines = [name for name in BASELINES if name in overall["baselines"]]
    table = _grid(f"forecasts, n = {overall['model']['n']}", "model", *(name.replace("_", " ") for name in baselines))
    for score in FORECASTS:
        values = [overall["model"][score], *(overall["baselines"][name][score] for name in baselines)]
        table.add_row(title(score), *(_score(score, value) for value in values))
    yield Text()
    yield table
    yield Text(f"confidence: {forecasts['confidence_note']}")


def _score(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return percent(value) if name in SHARES else f"{value:.3e}" if name == "mse" else format_value(value, "ratio")


def _account(metrics: Mapping[str, Any]) -> Iterable[Any]:
    held = {name: percent(item["value"]) for name, item in metrics["exposure"].items()}
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("account", f"{money(metrics['cash'])} became {money(metrics['final_equity'])}")
    table.add_row(
        "exposure", f"gross {held['gross_mean']}, net {held['net_mean']}, in the market {held['time_in_market']}"
    )
    table.add_row("costs", _paid(metrics["costs"]))
    table.add_row("orders", Text(_orders(metrics["orders"])))
    table.add_row("cap", _cap(metrics["cap"]))
    if metrics["orders"]["brackets"]:
        table.add_row("brackets", ", ".join(f"{n:,} {what}" for what, n in metrics["orders"]["brackets"].items()))
    if metrics["stops"]:
        table.add_row("stops", _stops(metrics["stops"]))
    above = metrics.get("data_warnings", ())
    for text in (note for note in metrics.get("notes", ()) if note not in above):
        table.add_row("note", Text(text))  # a symbol may hold brackets, which rich would take for markup
    yield Text()
    yield table


def _paid(costs: Mapping[str, Any]) -> str:
    kinds = {name: item["value"] for name, item in costs.items() if name not in ("total", "cash_interest")}
    parts = ", ".join(f"{name.replace('_', ' ')} {money(value)}" for name, value in kinds.items() if value != 0.0)
    total = costs["total"]
    earned = -costs["cash_interest"]["value"]
    text = f"{money(total['value'])}, {percent(total['drag']['value'])} a year" + (f": {parts}" if parts else "")
    return text + (f"; interest earned {money(earned)}" if earned else "")


def _orders(orders: Mapping[str, Any]) -> str:
    filled = orders["by_status"].get("completed", 0)
    trimmed = f", {orders['trimmed']:,} trimmed{_why(orders['trimmed_by'])}" if orders["trimmed"] else ""
    unfilled = f"{orders['asked'] - filled:,} not filled{_why(orders['by_reason'])}"
    return f"{orders['asked']:,} requested, {filled:,} filled{trimmed}, {unfilled}"


def _why(reasons: Mapping[str, int]) -> str:
    most_first = sorted(reasons.items(), key=lambda item: -item[1])
    text = "; ".join(f"{number:,} x {reason}" for reason, number in most_first)
    return f" ({text})" if text else ""


def _cap(cap: Mapping[str, Any]) -> str:
    if not cap["opening"]:
        return "no position was opened"
    if cap["breaches"] is None:
        return f"none set; largest {percent(cap['largest'])} at a fill, {percent(cap['largest_close'])} at a close"
    held = f"{count(cap['breaches'], 'breach', 'breaches')} in {count(cap['opening'], 'opening fill')}"
    return f"{held}; largest {percent(cap['largest'])} at a fill, {percent(cap['largest_close'])} at a close"


def _stops(stops: Mapping[str, Any]) -> str:
    missed = f"the entry's own bar went beyond {stops['unprotected']}, gaps beyond {stops['gapped']}"
    return f"{stops['stopped']} of {count(stops['entries'], 'entry', 'entries')} stopped; {missed}"


def _files(folder: Path, note: str) -> Iterable[Text]:
    yield Text()
    if note:
        yield Text(note)
    for page in PAGES:
        if (folder / page).is_file():
            yield Text(f"{page.removesuffix('.html'):11s} {folder / page}", style="bold")
    yield Text(f"{'folder':11s} {folder}")
