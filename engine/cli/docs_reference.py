"""The references, made from the code: ``python -m engine.cli.docs_reference`` writes docs/config.md and docs/cli.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic.fields import FieldInfo

from core.plugins import FAMILIES, PluginField, PluginSpec, kinds, load, summary
from core.spec import Spec, specs_in
from engine.config.run_config import RunConfig
from strategies.base import Strategy

from .commands.run_command import EPILOG
from .main import app
from .plugin_table import plain

FOLDER = Path(__file__).resolve().parents[2] / "docs"

INTRODUCTION = """\
# The config file

Made from the code by `python -m engine.cli.docs_reference`; `configs/schema.json` says the same to editors.

- `extends: other.yaml` takes another file's values; mappings merge deeply, lists replace, and a mapping whose `kind`
  changes replaces the old one whole. A key that the parent has and the child leaves out stays: `risk: {stop: null}`
  removes it. A path is read from the file that states it.
- `key=value` on the command line goes on top: `risk.base=0.01`, `model.members.lstm.hidden=16`,
  `features=[{kind: sma, window: 20}]`. Values are YAML; a path is read from the working directory. The
  same rules hold: `risk.base=0.01` leaves the rest of `risk` as it is, and `strategy.kind=time_exit` drops every other
  key of a `strategy` of another kind, so that the new kind's keys are stated, too.
- Unknown and duplicate keys are errors. Types are strict: `"0.02"` is no number, `1e-3` is one.
- Fractions are fractions: 2 % is `0.02`.
- A model that does not train (`sma_cross`, `buy_and_hold`) takes no `features`, `label`, `scaler` or `walk_forward`.
"""


CLI_INTRODUCTION = """\
# The command line

Made from the code by `python -m engine.cli.docs_reference`. Results go to stdout, progress and errors to stderr; an
error that you can mend is one line.
"""


def pages() -> dict[Path, str]:
    """Every generated page: its path and its text."""
    return {FOLDER / "config.md": config_text(), FOLDER / "cli.md": cli_text()}


def config_text() -> str:
    """The page on the config file."""
    blocks = [INTRODUCTION, "## Top level\n", _table(RunConfig)]
    for name, field in RunConfig.model_fields.items():
        for spec in _specs_of(field):
            blocks += [f"## {name}\n", f"{field.description}\n", _table(spec), *_inner(name, spec)]
    for family, package in FAMILIES.items():
        blocks += [f"## Plug-ins: {family}\n", *_shared(family), *_plugins(package)]
    return "\n".join(blocks)


def _shared(family: str) -> Iterator[str]:
    """The blocks within the keys that every plug-in of a family has."""
    yield from _inner("strategy", Strategy) if family == Strategy.family else ()


def _plugins(package: str) -> Iterator[str]:
    for kind in kinds(package):
        spec = load(package, kind)
        yield f"### `kind: {kind}`\n\n{summary(spec)}\n"
        if spec.model_fields:
            yield _table(spec)


def _table(spec: type[Spec]) -> str:
    rows = [
        f"| `{name}` | {_default(field)} | {' '.join((field.description or '').split())} |"
        for name, field in spec.model_fields.items()
    ]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows, ""])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, Spec):
        return "see below"
    return f"`{plain(value)}`".replace("|", "\\|")


def _inner(path: str, spec: type[Spec]) -> Iterator[str]:
    """The blocks within a block; where one may be of several kinds, each of them."""
    for name, field in spec.model_fields.items():
        specs = _specs_of(field)
        for inner in specs:
            named = inner.model_fields.get("kind")
            kind = "" if named is None or named.is_required() else f" with `kind: {named.default}`"
            yield f"### {path}.{name}{kind}\n"
            yield f"{(inner.__doc__ or '').partition(chr(10))[0]}\n"
            yield _table(inner)
            yield from _inner(f"{path}.{name}", inner)


def _specs_of(field: FieldInfo) -> tuple[type[Spec], ...]:
    """The specs that a plain block may be made of; none for scalars and plug-ins."""
    if any(isinstance(item, PluginField) for item in field.metadata):
        return ()
    return tuple(spec for spec in specs_in(field.annotation) if not issubclass(spec, PluginSpec))


def cli_text() -> str:
    """The page on the command line."""
    return "\n".join([CLI_INTRODUCTION, f"{EPILOG}\n", *(_command(name) for name in app.commands)])


def _command(name: str) -> str:
    command = app.commands[name]
    verb = "" if name == "run" else f"{name} "
    options = [item for item in command.params if isinstance(item, click.Option)]
    words = " ".join(_word(item) for item in command.params if isinstance(item, click.Argument))
    usage = f"run_backtest.py {verb}{words}{' [options]' if options else ''}"
    blocks = [f"## {name}\n", f"    {usage}\n", f"{command.help}\n"]
    if options:
        rows = [f"| {_flags(option)} | {option.help} |" for option in options]
        blocks.append("\n".join(["| option | meaning |", "|---|---|", *rows, ""]))
    return "\n".join(blocks)


def _word(argument: click.Argument) -> str:
    """An argument as it is typed: its choices, or its name in capitals; in brackets if it may be left out."""
    choices = argument.type.choices if isinstance(argument.type, click.Choice) else None
    name = argument.metavar or ("|".join(map(str, choices)) if choices else str(argument.name).upper())
    return name if argument.required else f"[{name}]"


def _flags(option: click.Option) -> str:
    """An option's spellings, and its default if it takes a value and has one of its own."""
    spelt = ", ".join(f"`{text}`" for text in option.opts)
    if option.required:
        return f"{spelt} (required)"
    default = option.to_info_dict()["default"]  # `option.default` may be click's marker of "none"
    return spelt if option.is_flag or default is None else f"{spelt} (default `{default}`)"


if __name__ == "__main__":
    for path, page in pages().items():
        path.write_text(page, encoding="utf-8")
