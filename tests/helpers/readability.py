"""Findings of three readability rules: vague identifiers, docstrings that begin with a question, dense statements.

Run as a script, it lists the findings in files and folders: ``python tests/helpers/readability.py engine``.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

VAGUE = frozenset(
    {
        "found",
        "each",
        "own",
        "told",
        "made",
        "kept",
        "given",
        "said",
        "asked",
        "known",
        "place",
        "places",
        "wanted",
        "wants",
        "fits",
        "apart",
        "least",
        "most",
        "whole",
        "many",
        "lacking",
        "beside",
        "hands",
        "shop",
        "paper",
        "luck",
        "sure",
        "theirs",
    }
)
"""Identifiers that name a role in a sentence instead of the thing that they hold."""
QUESTIONS = ("What", "How", "Which", "Whether", "Why", "Where", "Who", "Whose", "When")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Finding(NamedTuple):
    """A line, the rule that it breaks, and the words that break it."""

    line: int
    rule: str
    text: str


def findings(path: Path) -> Iterator[Finding]:
    """Everything in a file that breaks a rule; table columns and config keys are texts and do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for name in _identifiers(node):
            if name.strip("_").lower() in VAGUE:
                yield Finding(getattr(node, "lineno", 0), "vague identifier", name)
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            first = text.partition("\n")[0]
            if first.partition(" ")[0].rstrip(",:") in QUESTIONS:
                yield Finding(getattr(node, "lineno", 1), "question word", first)
        if _is_dense(node):
            yield Finding(node.lineno, "dense statement", ast.unparse(node)[:80])


def _identifiers(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
            yield name
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.alias(asname=str(name)):
            yield name


def _is_dense(node: ast.AST) -> bool:
    """Several assignments in one statement, or a conditional as the source of a comprehension."""
    if isinstance(node, COMPREHENSIONS):
        return any(isinstance(part.iter, ast.IfExp) for part in node.generators)
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
        return False
    targets = node.targets[0]
    if not isinstance(targets, ast.Tuple) or any(isinstance(item, ast.Starred) for item in node.value.elts):
        return False
    values = {ast.unparse(item) for item in node.value.elts}
    is_swap = any(ast.unparse(item) in values for item in targets.elts)
    is_constant_row = all(_is_constant(item) for item in node.value.elts)
    return not is_swap and not is_constant_row


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant))


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        files = sorted(Path(argument).rglob("*.py")) if Path(argument).is_dir() else [Path(argument)]
        for file in files:
            for finding in findings(file):
                print(f"{file}:{finding.line}: {finding.rule}: {finding.text}")  # noqa: T201 - a script's output
