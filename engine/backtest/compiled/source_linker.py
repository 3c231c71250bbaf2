"""Pure functions of several modules, gathered into the source of one.

A compiler that keeps its work on disk looks at the file of a function, not at those of the functions that it calls.
So all functions of a kernel go into one file, whose name is the digest of its text: an edit anywhere in it makes
another file. The rule of a user's strategy is part of it, which is also what lets the compiler inline it.

Of each function the linker drops decorators, annotations and docstring; it numbers the name, writes numbers for the
constants that it reads, and leaves out branches that they decide. With ``FEATURES = KernelFeatures(lot=False)`` and
``BAND = 0.5``, the rule ::

    def side(prediction: float, p: Any) -> int:
        if FEATURES.lot:
            return 0
        return 1 if prediction > p.entry + BAND else 0

becomes ::

    def side_0(prediction, p):
        return 1 if prediction > p.entry + 0.5 else 0
"""

import ast
import builtins
import inspect
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, NamedTuple, cast

from core.errors import ConfigError

REFUSED: Mapping[type[ast.AST], str] = {
    ast.Try: "try",
    ast.With: "with",
    ast.Lambda: "a lambda",
    ast.FunctionDef: "a function inside it",
    ast.ClassDef: "a class inside it",
    ast.Dict: "a dict",
    ast.DictComp: "a dict",
    ast.Set: "a set",
    ast.SetComp: "a set",
    ast.GeneratorExp: "a generator",
    ast.Yield: "yield",
    ast.JoinedStr: "an f-string",
    ast.Import: "an import inside it",
    ast.ImportFrom: "an import inside it",
    ast.Global: "global",
    ast.Nonlocal: "nonlocal",
}
"""Constructs that a compiled rule may not hold; the compiler itself refuses everything else that it cannot do."""
NUMBERS = (bool, int, float)
STATE = "__state__"
"""The name that a rule's class of state has in its rewritten source."""
INEXACT = frozenset(
    (
        *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "pow", "power", "gamma", "lgamma", "erf", "erfc"),
        *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "arcsin", "arccos", "arctan", "arctan2", "hypot"),
        *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt", "fsum", "sum", "mean", "std", "var", "dot"),
    )
)
"""Functions of math and numpy whose last digit, or order of adding up, is not the same in machine code."""


class Generated(NamedTuple):
    """A function that is written for a kernel: its source, and what the names in it stand for."""

    text: str
    namespace: Mapping[str, Any]


@dataclass
class Linker:
    """Collects functions and what they use.

    Attributes
    ----------
    replaced : by function, the one that takes its place: the kernel's placeholders for a rule.
    constants : by name of a global, the named tuple whose fields are written into the source as numbers.
    generated : by function, the source that takes its place.
    makers : by named tuple, the source of the function that is called in place of the class.
    states : by rule, the class of its second argument: ``state._replace`` is written out.
    names : of the functions that are in, in the module that is made.
    parts : the source of each by function, those first that others call.
    imports : lines by the name that they import: modules and classes.
    """

    replaced: Mapping[FunctionType, FunctionType] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    generated: Mapping[FunctionType, Generated] = field(default_factory=dict)
    makers: Mapping[type[Any], str] = field(default_factory=dict)
    states: Mapping[FunctionType, Any] = field(default_factory=dict)
    names: dict[Any, str] = field(default_factory=dict)
    parts: dict[Any, str] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    def add(self, function: FunctionType) -> str:
        """Put a function in, with all that it calls; its name in the module that is made.

        Raises
        ------
        ConfigError
            It uses something that cannot be compiled; file and line are named.
        """
        function = self.replaced.get(function, function)
        if function in self.names:
            return self.names[function]
        tree = self._definition(function)
        name = f"{function.__name__}_{len(self.names)}"
        self.names[function] = name
        pruned = _Rewriter({}, self.constants).visit(tree)  # what is never run is not put in
        texts = {read: self._resolved(read, function, pruned) for read in sorted(free_names(pruned))}
        rewriter = _Rewriter({read: text for read, text in texts.items() if text}, self.constants)
        rewritten = rewriter.visit(pruned)
        rewritten.name = name
        self.parts[function] = ast.unparse(ast.fix_missing_locations(rewritten))
        return name

    def _definition(self, function: FunctionType) -> ast.FunctionDef:
        """The syntax of a function that may be compiled."""
        if function in self.generated:
            return cast("ast.FunctionDef", ast.parse(self.generated[function].text).body[0])
        tree = definition(function)
        require_exact(function, tree)
        if function in self.states:
            tree = _WithoutReplace(tree.args.args[1].arg, self.states[function]._fields).visit(tree)
        return tree

    def _namespace(self, function: FunctionType) -> Mapping[str, Any]:
        """The values of the global names of a function."""
        if function in self.generated:
            return self.generated[function].namespace
        state = {STATE: self.states[function]} if function in self.states else {}
        return {**function.__globals__, **inspect.getclosurevars(function).nonlocals, **state}

    def _maker(self, tuple_class: type[Any]) -> str:
        """The name of the function that makes a named tuple; it is put in."""
        if tuple_class not in self.names:
            name = f"{tuple_class.__name__}_{len(self.names)}"
            self.names[tuple_class] = name
            self.imports["numpy"] = "import numpy"
            self.parts[tuple_class] = (
                self.makers[tuple_class].format(name=name, tuple=self._imported(tuple_class)).rstrip()
            )
        return self.names[tuple_class]

    def _imported(self, tuple_class: Any) -> str:
        """The name of a named tuple's class, imported; another one of the same name gets a number."""
        # its fields are in the text, so that other fields make another file
        name = tuple_class.__name__
        line = f"from {tuple_class.__module__} import {name}  # {', '.join(tuple_class._fields)}"
        if self.imports.get(name, line) != line:
            name = f"{name}_{len(self.names)}"
            line = line.replace(f" import {tuple_class.__name__}  #", f" import {tuple_class.__name__} as {name}  #")
        self.imports[name] = line
        return name

    def _resolved(self, name: str, function: FunctionType, tree: ast.FunctionDef) -> str:
        """The text that replaces a global name; empty where it stays as it is."""
        if name in self.constants:
            return ""
        values = self._namespace(function)
        if name not in values:
            if hasattr(builtins, name):
                return ""
            raise refusal(function, line_of(tree, name), f"the name {name!r}, which is defined nowhere")
        value = values[name]
        if isinstance(value, FunctionType):
            return self.add(value)
        if value in (math.isnan, math.sqrt, math.isinf, math.isfinite, math.floor, math.ceil):
            self.imports["math"] = "import math"
            return f"math.{value.__name__}"
        if isinstance(value, ModuleType) and value.__name__ in ("math", "numpy"):
            self.imports[name] = f"import {value.__name__} as {name}"
            return ""
        if isinstance(value, NUMBERS):
            return literal(value)
        if isinstance(value, type) and issubclass(value, tuple) and hasattr(value, "_fields"):
            imported = self._maker(value) if value in self.makers else self._imported(value)
            return "" if imported == name else imported
        if value is Any or isinstance(value, type):
            return ""
        raise refusal(function, line_of(tree, name), f"{name!r}, a {type(value).__name__} outside the rule")

    def source(self, decorate: Callable[[FunctionType], str]) -> str:
        """The source of all functions; ``decorate`` gives the line before a function, empty for none."""
        parts = ["\n".join(filter(None, (decorate(function), text))) for function, text in self.parts.items()]
        return "\n\n\n".join(["\n".join(sorted(self.imports.values())), *parts])


def definition(function: FunctionType) -> ast.FunctionDef:
    """The function's syntax with the lines of its file, without decorators, annotations and docstring."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
    except (OSError, SyntaxError, IndexError) as error:
        raise ConfigError(
            f"{function.__qualname__}: its source cannot be read ({error}), so it cannot be compiled; "
            "put it into a file, or use engine: backtrader"
        ) from error
    if not isinstance(tree, ast.FunctionDef):
        raise refusal(function, first, "a lambda; write a function")
    ast.increment_lineno(tree, first - 1)
    tree.decorator_list = []
    tree.returns = None
    for argument in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs):
        argument.annotation = None
    if ast.get_docstring(tree) is not None:
        tree.body = tree.body[1:] or [ast.Pass()]
    return tree


def require_exact(function: FunctionType, tree: ast.FunctionDef) -> None:
    """Refuse what cannot be machine code, or gives another last digit there than in Python.

    Raises
    ------
    ConfigError
        The construct and its line are named.
    """
    for node in ast.walk(tree):
        if type(node) in REFUSED and node is not tree:
            raise refusal(function, getattr(node, "lineno", tree.lineno), REFUSED[type(node)])
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow):
            raise refusal(function, node.lineno, "**, whose last digit a compiler may change; multiply instead")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in INEXACT:
            module = function.__globals__.get(node.value.id)
            if isinstance(module, ModuleType) and module.__name__ in ("math", "numpy"):
                what = f"{node.value.id}.{node.attr}, whose last digit a compiler may change"
                raise refusal(function, node.lineno, what)


def free_names(tree: ast.FunctionDef) -> set[str]:
    """The names that a function reads and does not bind itself."""
    bound = {argument.arg for argument in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound |= {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    return {node.id for node in names if isinstance(node.ctx, ast.Load)} - bound


def line_of(tree: ast.AST, name: str) -> int:
    """The first line on which a name stands."""
    return min(node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name)


def location_of(functions: Iterable[FunctionType], statement: str) -> str:
    """``file:line`` of a statement that a compiler shows; the first function's file if it is in none of them."""
    files = []
    for function in functions:
        file = function.__code__.co_filename
        files.append(file)
        for node in ast.walk(definition(function)):
            if isinstance(node, ast.stmt) and ast.unparse(node).partition("\n")[0].strip() == statement:
                return f"{file}:{node.lineno}"
    return files[0]


def refusal(function: FunctionType, line: int, what: str) -> ConfigError:
    """The error for a function that cannot be compiled."""
    return ConfigError(
        f"{function.__code__.co_filename}:{line}: the rule {function.__name__} cannot be compiled: it uses {what}; "
        "engine: backtrader runs it"
    )


def literal(value: float) -> str:
    """A number as source."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


class _WithoutReplace(ast.NodeTransformer):
    """Writes ``state._replace(count=1)`` as a call of the class with all fields, which a compiler knows."""

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
