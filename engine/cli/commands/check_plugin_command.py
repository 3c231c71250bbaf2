"""``run_backtest.py check-plugin``: the contract of one plug-in file, rule by rule."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.number_format import count
from engine.cli.console import say

if TYPE_CHECKING:
    from engine.cli.plugins.run_contracts import Rule

EPILOG = "Exit codes: 0 every rule of the contract holds, 2 one does not, or bad input. House style decides nothing."


@click.command("check-plugin", epilog=EPILOG)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
def check_plugin(file: Path) -> int:
    """Check one plug-in file of any family: the rules of its contract, then house style."""
    from engine.cli.plugins.locate_plugin import located
    from engine.cli.plugins.run_contracts import contract_rules, style_rules

    with located(file) as plugin:
        rules = (*contract_rules(plugin), *style_rules(plugin))
    say(f"{file}: {plugin.kind}, family {plugin.family}")
    contract = [rule for rule in rules if not rule.style]
    style = [rule for rule in rules if rule.style]
    failed = _show("contract", contract)
    _show("house style, for what becomes part of the project", style)
    say(f"{failed} of {count(len(contract), 'rule')} of the contract broken" if failed else "the contract holds")
    return 2 if failed else 0


def _show(title: str, rules: "list[Rule]") -> int:
    """Print a line for each rule; the number of those that do not hold."""
    say(f"{title}:")
    shown: dict[str, str] = {}
    for rule in rules:
        mark = "FAILED" if rule.failure else "ok"
        first = shown.setdefault(rule.failure, rule.text)
        text = rule.failure if first == rule.text else f"as in {first!r}"
        detail = f": {text}" if rule.failure else ""
        say(f"  {mark:6s}  {rule.text}{detail}")
    return sum(bool(rule.failure) for rule in rules)
