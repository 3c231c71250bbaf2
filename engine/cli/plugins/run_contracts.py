"""The contract tests of one plug-in, run by pytest: the tests that hold every plug-in of the project to the rules."""

import contextlib
import importlib.util
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import WorkbenchError
from core.plugins import PluginSpec

from .locate_plugin import PluginFile

ROOT = Path(__file__).resolve().parents[3]
TESTS = ROOT / "tests" / "contracts"
FIELDS = "test_plugin_fields.py"
ELSEWHERE = {"layouts": ROOT / "tests" / "marketdata" / "test_people_files.py"}
"""The tests of families that have no file of contracts."""
STYLE = ("docstring", "described", "description", "in_a_line", "says_what_it_is", "documented", "an_example")
"""Parts of the names of tests that ask for house style; all others are rules of the contract."""
LONGEST = 400
"""Lines that a module may have."""


@dataclass(frozen=True)
class Rule:
    """The result of one rule.

    Attributes
    ----------
    text : the rule in words.
    runs : how many cases were tried.
    failure : the message of the first case that failed; empty if none did.
    style : True for house style, False for a rule of the contract.
    """

    text: str
    runs: int
    failure: str
    style: bool


@dataclass(eq=False)
class Collector:
    """A plugin of pytest that keeps the tests of one plug-in of ours, and their results by test function."""

    plugin: PluginFile
    runs: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep the tests that have the plug-in among their parameters."""
        items[:] = [item for item in items if self._concerns(item)]

    def _concerns(self, item: Any) -> bool:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if item.path.name == FIELDS:
            return (parameters.get("package"), parameters.get("kind")) == (self.plugin.package, self.plugin.kind)
        values = tuple(parameters.values())
        specs = [value for value in values if isinstance(value, PluginSpec)]
        specs += [value.model_construct() for value in values if _is_spec(value)]
        names = [value for value in values if isinstance(value, str)]
        return self.plugin.kind in (*names, *(spec.kind for spec in specs))

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count a test that ran, and keep the message of one that failed."""
        name = report.nodeid.rpartition("::")[2].partition("[")[0]
        if report.when == "call":
            self.runs[name] = self.runs.get(name, 0) + 1
        if report.failed:
            self.failures.setdefault(name, _message(report.longrepr))

    def pytest_collectreport(self, report: Any) -> None:
        """Keep the message of a file of tests that cannot be collected."""
        if report.failed:
            self.broken.append(_message(report.longrepr))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The result of each rule, in the order in which they were tried."""
        names = dict.fromkeys((*self.runs, *self.failures))
        return tuple(
            Rule(_words(name), self.runs.get(name, 0), self.failures.get(name, ""), any(part in name for part in STYLE))
            for name in names
        )


def contract_rules(plugin: PluginFile) -> tuple[Rule, ...]:
    """The results of the contract tests of a plug-in, which has been loaded.

    Raises
    ------
    WorkbenchError
        The tests or pytest are not there, or the tests of its family cannot be collected.
    """
    missing = [name for name in ("pytest", "hypothesis", "filelock") if importlib.util.find_spec(name) is None]
    if missing or not TESTS.is_dir():
        text = f"{', '.join(missing)} not installed" if missing else f"{TESTS} is not there"
        raise WorkbenchError(f"check-plugin runs the project's contract tests, but {text}; see CONTRIBUTING.md")
    collector = Collector(plugin)
    _run(collector, _files(plugin))
    if collector.broken or not collector.runs:
        reason = collector.broken[0] if collector.broken else f"no contract test concerns the family {plugin.family}"
        raise WorkbenchError(f"{plugin.path}: its contract could not be tested: {reason}")
    return collector.rules


def _files(plugin: PluginFile) -> list[Path]:
    family = ELSEWHERE.get(plugin.family, TESTS / f"test_{plugin.family}.py")
    return [path for path in (family, TESTS / FIELDS) if path.is_file()]


def _run(collector: Collector, files: list[Path]) -> None:
    import pytest

    options = [f"--rootdir={ROOT}", f"--confcutdir={ROOT}", "-c", str(ROOT / "pyproject.toml"), "-m", "not slow"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main([*options, *map(str, files)], plugins=[collector])


def style_rules(plugin: PluginFile) -> Iterator[Rule]:
    """The rules of house style that need no test: the length of the module, and the example of its docstring."""
    lines = plugin.path.read_text(encoding="utf-8").count("\n")
    failure = f"it has {lines} lines" if lines > LONGEST else ""
    yield Rule(f"a module has at most {LONGEST} lines", 1, failure, style=True)
    yield Rule("the examples in its docstrings run", 1, _failed_example(plugin), style=True)


def _failed_example(plugin: PluginFile) -> str:
    import doctest
    import sys

    module = sys.modules[f"{plugin.package}.{plugin.kind}"]
    output = io.StringIO()
    runner = doctest.DocTestRunner(verbose=False)
    for test in doctest.DocTestFinder().find(module):
        runner.run(test, out=output.write)
        if runner.failures:
            example = output.getvalue().partition("Failed example:")[2]
            return f"line {(test.lineno or 0) + 1}: {' '.join(example.split())}"
    return ""


def _is_spec(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, PluginSpec)


def _words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def _message(longrepr: Any) -> str:
    """The error in one line: its type and text, without the parts of the expression that pytest adds."""
    crash = getattr(longrepr, "reprcrash", None)
    text = str(crash.message if crash else longrepr).strip()
    return " ".join(text.partition("\n")[0].split()).removeprefix("AssertionError: ") or "failed"
