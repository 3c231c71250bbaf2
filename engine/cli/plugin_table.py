"""A table of the plug-ins of each family with their parameters and defaults."""

from typing import get_args

from core.errors import ConfigError
from core.plugins import FAMILIES, PluginSpec, kinds, load, summary

EVERY = "every feature takes `every` (day, week, month, quarter, hour, 15min, 4h): computed on bars of finished periods"
SCALED = "fitted on each fold's training rows only"


def print_plugins(family: str | None) -> None:
    """Print a table of plug-ins, of one family or of all.

    Raises
    ------
    ConfigError
        There is no such family.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from signals.scaling import ScalerName

    if family is not None and family not in FAMILIES:
        raise ConfigError(f"there is no family {family!r}; known: {', '.join(FAMILIES)}")
    console = Console()
    for name in (family,) if family else FAMILIES:
        table = Table(title=name, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
        table.add_column("kind", style="bold", no_wrap=True)
        table.add_column("what it is")
        table.add_column("parameters and defaults", overflow="fold")
        for kind in kinds(FAMILIES[name]):
            spec = load(FAMILIES[name], kind)
            table.add_row(kind, Text(summary(spec)), Text(parameters(spec)))
        console.print(table)
        console.print()
    if family in (None, "features"):
        console.print(Text(EVERY))
        console.print(Text(f"scaler, a word in the config: {', '.join(get_args(ScalerName))}; {SCALED}"))


def parameters(spec: type[PluginSpec]) -> str:
    """A plug-in's parameters as they would be written, for example ``window=20``."""
    return ", ".join(
        name if field.is_required() else f"{name}={plain(field.get_default(call_default_factory=True))}"
        for name, field in spec.model_fields.items()
    )


def plain(value: object) -> str:
    """A value as it would be written in YAML, on one line."""
    if value is None:
        return "null"
    if isinstance(value, PluginSpec):
        return plain(value.dump())
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {plain(item)}' for key, item in value.items())}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(plain(item) for item in value)}]"
    return str(value).lower() if isinstance(value, bool) else f"{value}"
