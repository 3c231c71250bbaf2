"""The row of a run's folder or of a sweep's, read from its files."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from core.errors import StoreError
from engine.backtest.account_returns import AT_EXPOSURE, STRATEGY
from engine.run_folder.run_folder import MANIFEST, RESULT_FILES, read_json, result_digest
from engine.sweep.judgement.sweep_verdict import SKILL
from engine.sweep.storage.file_names import NUMBERS, WINNERS
from engine.sweep.storage.file_names import RESULTS as SWEPT

from .reproduction import reproduction_text
from .row import Refused, ReviewRow
from .weekly import moments_of, returns_of, weekly_curve

FORMAT = 1
"""The newest format of a manifest that is understood."""
REPORT = "report.html"
RUN_PAGES = (REPORT, "tearsheet.html")
SWEEP_PAGES = ("sweep.html",)
DEEPEST = 30
"""Levels of a config."""
UNSET = ("", "null", "~", "{}")
"""Texts of a setting that is not set, as if it did not stand in the file."""
CHANGED = "result files were changed after the run"


def read_row(folder: Path) -> ReviewRow | Refused:
    """The row of a result folder, or the reason why it has none; never an error."""
    try:
        manifest = read_json(folder / MANIFEST)
        _check(manifest, folder)
        row = _sweep_row(folder, manifest) if (folder / NUMBERS).exists() else _run_row(folder, manifest)
        return _with_types(row)
    except StoreError as error:
        return Refused(folder, error.line)
    except (OSError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        return Refused(
            folder, f"its files are damaged or of another version ({_in_words(error)}); run its config again"
        )


def _in_words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"no entry {text}" if isinstance(error, KeyError) else text[:200] or type(error).__name__


def _check(manifest: Any, folder: Path) -> None:
    written = manifest.get("format") if isinstance(manifest, dict) else None
    if type(written) is not int or written < 1:
        raise StoreError(f"{folder / MANIFEST}: states no format; it is not the manifest of a run")
    if written > FORMAT:
        raise StoreError(
            f"{folder / MANIFEST}: has format {written}, this version reads up to {FORMAT}; update the program"
        )


def _with_types(row: ReviewRow) -> ReviewRow:
    """The same row; refuses values of another type than a row has, dates that are none, and infinite numbers.

    Raises
    ------
    ValueError, TypeError
        One sentence.
    """
    texts = (row.made_at, row.first, row.last, row.verdict, row.period, *row.symbols, *row.config.values())
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is of another type")
    for text in (row.first, row.last):
        date.fromisoformat(text)
    if row.tries is not None and type(row.tries) is not int:
        raise TypeError("the number of settings tried is no whole number")
    if not 0.0 < row.returns_per_year < 1e7:
        raise ValueError(f"{row.returns_per_year} returns a year")
    for name, value in (*row.measures.items(), ("deflated", row.deflated), ("benchmark_cagr", row.benchmark_cagr)):
        if value is not None and (not isinstance(value, int | float) or not math.isfinite(value)):
            raise ValueError(f"{name} is {value!r}")
    return row


def _run_row(folder: Path, manifest: Mapping[str, Any]) -> ReviewRow:
    metrics = read_json(folder / "metrics.json")
    returns = returns_of(folder, manifest)
    span = metrics["span"]
    measures = metrics["measures"][STRATEGY]
    per_year = float(metrics["periods_per_year"])
    tried = manifest.get("tried") or {}
    common = _common(folder, manifest, metrics)
    if metrics.get("benchmark"):
        has_source = any(path.startswith("data.benchmark.") for path in common["config"])  # with a source of its own
        common["config"].setdefault("data.benchmark", f"{metrics['benchmark']}{'' if has_source else ' (default)'}")
    return ReviewRow(
        folder=str(folder),
        kind="run",
        **common,
        id=str(manifest["config_id"]),
        period=str(metrics.get("period", "day")),
        first=span["first_session"],
        last=span["last_session"],
        returns=int(span["sessions"]),
        returns_per_year=per_year,
        engine=str(manifest["engine"]),
        measures={name: item["value"] for name, item in measures.items()},
        units={name: item["unit"] for name, item in measures.items()},
        verdict=metrics["verdict"]["headline"],
        beats=bool(metrics["verdict"]["beats"]),
        tries=tried.get("settings"),
        deflated=(tried.get("deflated_sharpe") or {}).get("value"),
        benchmark_cagr=(metrics["measures"].get(AT_EXPOSURE) or {}).get("cagr", {}).get("value"),
        leaks=leaks_of(metrics.get("leak_checks") or []),
        pages=_pages(folder, RUN_PAGES),
        moments=moments_of(returns[STRATEGY].to_numpy(), float(metrics["risk_free"]), per_year),
        flags=tuple(_flags(folder, manifest, RESULT_FILES)),
        curve=weekly_curve(returns),
    )


def _sweep_row(folder: Path, manifest: Mapping[str, Any]) -> ReviewRow:
    """The winner's row under the sweep's name; a sweep without a winner is refused."""
    numbers = read_json(folder / NUMBERS)
    winners = sorted(path for path in (folder / WINNERS).glob("*") if path.is_dir())
    best = numbers["winners"][0]["trial"] if numbers["winners"] else None
    chosen = [path for path in winners if path.name.startswith(f"trial-{best:06d}-")] if best is not None else []
    if not chosen:
        raise StoreError(
            f"{folder}: the sweep has no winner's run folder: no trial met its constraints, or it was removed"
        )
    row = read_row(chosen[0])
    if isinstance(row, Refused):
        raise StoreError(f"{chosen[0].name}, the winner: {row.reason}")
    sweep = _common(folder, manifest, numbers)
    overfitting = numbers.get("luck") or {}
    return replace(
        row,
        folder=str(folder),
        kind="sweep",
        name=sweep["name"],
        made_at=sweep["made_at"],
        reproduced=sweep["reproduced"],
        id=str(manifest["sweep_id"]),
        verdict=numbers["verdict"]["headline"],
        beats=numbers["verdict"]["headline"] == SKILL,
        tries=int(overfitting["trials"]["all"] if overfitting else numbers["trials"]["done"]),
        deflated=overfitting["deflated_sharpe"]["value"] if overfitting else None,
        pages=_pages(folder, (*SWEEP_PAGES, f"{WINNERS}/{chosen[0].name}/{REPORT}")),
        flags=tuple(_flags(folder, manifest, SWEPT)),
    )


def _common(folder: Path, manifest: Mapping[str, Any], numbers: Mapping[str, Any]) -> dict[str, Any]:
    config = _texts((folder / "config.yaml").read_text(encoding="utf-8"))
    return {
        "name": str(config["name"]),
        "made_at": manifest.get("made_at") or _written_at(folder / MANIFEST),
        "symbols": tuple(numbers["symbols"]),
        "reproduced": reproduction_text(folder),
        "code": str(manifest["code_digest"]),
        "config": {path: text for path, text in flat(config) if path != "name" and text not in UNSET},
    }


def _texts(text: str) -> Any:
    """A config with every value as it is written: for display alone, with the loader in C where there is one."""
    import yaml

    if re.search(r"(^|[\s\[,{])[&*]\w", text):  # a few of them can stand for more text than there is memory
        raise ValueError("config.yaml has anchors or aliases, which no run writes")
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - it makes texts, lists and mappings alone
    except yaml.YAMLError as error:
        raise ValueError(f"config.yaml: {error}") from None


def _written_at(path: Path) -> str:
    """Of a manifest of an earlier version, which states no time: that of the file."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each setting of a config with its dotted path; a list is one setting, as YAML writes it in one line."""
    if isinstance(value, dict) and value:
        if path.count(".") > DEEPEST:
            raise ValueError("config.yaml is nested too deeply")
        for key, item in value.items():
            yield from flat(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, _in_line(value)


def _in_line(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_in_line(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(_in_line(item) for item in value) + "]" if isinstance(value, list) else str(value)


def _pages(folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if (folder / name).is_file())


def _flags(folder: Path, manifest: Mapping[str, Any], files: tuple[str, ...]) -> Iterator[str]:
    if result_digest(folder, files) != manifest["result_digest"]:
        yield CHANGED


def leaks_of(checks: list[Mapping[str, Any]]) -> str:
    """The state of some leak checks in a few words."""
    statuses = [check["status"] for check in checks]
    if "leak" in statuses:
        return "leak"
    if "suspicious" in statuses:
        return "suspicious"
    clean = statuses.count("clean")
    return f"{clean} clean" if clean else "not tested"
