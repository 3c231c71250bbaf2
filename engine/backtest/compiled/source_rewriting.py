"""Changes of a function's syntax before it is compiled: names, constants, branches that are never run."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

STATE = "__state__"
"""The name that a rule's class of state has in its rewritten source."""


def rewritten(tree: ast.FunctionDef, names: Mapping[str, str], constants: Mapping[str, Any]) -> ast.FunctionDef:
    """The function with other texts for some names, numbers for constants, and without branches that are never run.

    Parameters
    ----------
    names : by name that is read, the expression that takes its place.
    constants : by name, the named tuple whose fields become numbers.
    """
    changed: ast.FunctionDef = _Rewriter(names, constants).visit(tree)
    return changed


def without_replace(tree: ast.FunctionDef, fields: Sequence[str]) -> ast.FunctionDef:
    """The rule with ``state._replace(count=1)`` written as a call of the class :data:`STATE` with all its fields."""
    changed: ast.FunctionDef = _WithoutReplace(tree.args.args[1].arg, fields).visit(tree)
    return changed


class _WithoutReplace(ast.NodeTransformer):
    def __init__(self, state: str, fields: Sequence[str]) -> None:
        self._state = state
        self._fields = fields

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = node.func
        if not (isinstance(called, ast.Attribute) and called.attr == "_replace" and not node.args):
            return node
        if not (isinstance(called.value, ast.Name) and called.value.id == self._state):
            return node
        changed = {keyword.arg for keyword in node.keywords}
        unchanged = [
            ast.keyword(name, ast.Attribute(ast.Name(self._state, ast.Load()), name, ast.Load()))
            for name in self._fields
            if name not in changed
        ]
        new = ast.Call(ast.Name(STATE, ast.Load()), [], [*node.keywords, *unchanged])
        return ast.fix_missing_locations(ast.copy_location(new, node))


class _Rewriter(ast.NodeTransformer):
    """Replaces names, and fields of constants by numbers; leaves out branches that are then never run."""

    def __init__(self, names: Mapping[str, str], constants: Mapping[str, Any]) -> None:
        self._names = names
        self._constants = constants

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self._names:
            return ast.parse(self._names[node.id], mode="eval").body
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in self._constants:
            return ast.Constant(getattr(self._constants[node.value.id], node.attr))
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> Any:
        test = _folded(self.visit(node.test))
        if not isinstance(test, ast.Constant):
            node.test = test
            node.body = self._block(node.body) or [ast.Pass()]
            node.orelse = self._block(node.orelse)
            return node
        return self._block(node.body if test.value else node.orelse) or ast.Pass()

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        node.test = _folded(self.visit(node.test))
        if isinstance(node.test, ast.Constant):
            chosen: ast.expr = self.visit(node.body if node.test.value else node.orelse)
            return chosen
        node.body = self.visit(node.body)
        node.orelse = self.visit(node.orelse)
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        if node.value is not None:
            node.value = _folded(node.value)
        return node

    def _block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in body:
            new = self.visit(statement)
            done += new if isinstance(new, list) else [new]
        return done


def _folded(node: ast.expr) -> ast.expr:
    """A condition, computed as far as its numbers decide it: ``not``, ``and``, ``or`` and comparisons."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _folded(node.operand)
        return ast.Constant(not inner.value) if isinstance(inner, ast.Constant) else node
    if isinstance(node, ast.Compare) and all(isinstance(side, ast.Constant) for side in (node.left, *node.comparators)):
        return ast.Constant(eval(compile(ast.Expression(ast.fix_missing_locations(node)), "", "eval")))  # noqa: S307
    if isinstance(node, ast.BoolOp):
        ends = isinstance(node.op, ast.Or)  # the value that decides the condition
        values = [_folded(value) for value in node.values]
        left = [value for value in values if not (isinstance(value, ast.Constant) and bool(value.value) != ends)]
        if not left:
            return ast.Constant(not ends)
        if isinstance(left[0], ast.Constant):
            return ast.Constant(ends)
        node.values = left
        return left[0] if len(left) == 1 else node
    return node
