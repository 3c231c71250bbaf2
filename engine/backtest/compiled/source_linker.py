"""The source of each function of a kernel, named by its content.

A compiler that keeps its work on disk looks at the file of a function, not at those of the functions that it calls.
So each function gets a name with the digest of its own text, and that text has the names of the functions that it
calls: an edit changes the names of a function and of all that lead to it, and of no other. What two kernels have in
common has the same names, and is compiled once.

Of each function the linker drops decorators, annotations and docstring; it writes numbers for the constants that it
reads, and leaves out branches that they decide. With ``FEATURES = KernelFeatures(lot=False)`` and ``BAND = 0.5``, the
rule ::

    def side(prediction: float, p: Any) -> int:
        if FEATURES.lot:
            return 0
        return 1 if prediction > p.entry + BAND else 0

becomes ::

    def side_4f1c86a0d2b7(prediction, p):
        return 1 if prediction > p.entry + 0.5 else 0
"""

import ast
import builtins
import hashlib
import inspect
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, NamedTuple, cast

from core.errors import ConfigError

from .source_rewriting import STATE, rewritten, without_replace

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
UNNAMED = "__unnamed__"
"""The name of a function whose digest is not computed yet."""
DIGITS = 16
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


class Part(NamedTuple):
    """A function of a kernel.

    Attributes
    ----------
    name : with the digest of its text.
    text : imports, decorator and definition.
    calls : the names of the other parts that it calls.
    """

    name: str
    text: str
    calls: tuple[str, ...]


@dataclass
class _Uses:
    """The imports of a function, lines by the name that they import, and the names of the parts that it calls."""

    imports: dict[str, str] = field(default_factory=dict)
    calls: dict[str, None] = field(default_factory=dict)


def _undecorated(function: Any) -> str:
    del function
    return ""


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
    decorate : gives the line before a function; empty for none.
    parts : by function or named tuple what is in, those first that others call.
    """

    replaced: Mapping[FunctionType, FunctionType] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    generated: Mapping[FunctionType, Generated] = field(default_factory=dict)
    makers: Mapping[type[Any], str] = field(default_factory=dict)
    states: Mapping[FunctionType, Any] = field(default_factory=dict)
    decorate: Callable[[Any], str] = _undecorated
    parts: dict[Any, Part] = field(default_factory=dict)
    _begun: set[Any] = field(default_factory=set)

    def add(self, function: FunctionType) -> str:
        """Put a function in, with all that it calls; its name.

        Raises
        ------
        ConfigError
            It uses something that cannot be compiled; file and line are named.
        """
        function = self.replaced.get(function, function)
        if function in self.parts:
            return self.parts[function].name
        tree = self._definition(function)
        if function in self._begun:
            raise refusal(function, tree.lineno, "a call of itself")
        self._begun.add(function)
        uses = _Uses()
        pruned = rewritten(tree, {}, self.constants)  # what is never run is not put in
        texts = {read: self._resolved(read, function, pruned, uses) for read in sorted(free_names(pruned))}
        final = rewritten(pruned, {read: text for read, text in texts.items() if text}, self.constants)
        final.name = UNNAMED
        return self._put(function, function.__name__, ast.unparse(ast.fix_missing_locations(final)), uses)

    def _put(self, key: Any, base: str, definition_text: str, uses: _Uses) -> str:
        """Put a definition in that is called :data:`UNNAMED` yet; its name."""
        lines = sorted(uses.imports.values())
        text = "\n".join(filter(None, (*lines, "\n" if lines else "", self.decorate(key), definition_text)))
        name = f"{base}_{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"
        self.parts[key] = Part(name, text.replace(UNNAMED, name), tuple(uses.calls))
        return name

    def _definition(self, function: FunctionType) -> ast.FunctionDef:
        """The syntax of a function that may be compiled."""
        if function in self.generated:
            return cast("ast.FunctionDef", ast.parse(self.generated[function].text).body[0])
        tree = definition(function)
        require_exact(function, tree)
        if function in self.states:
            tree = without_replace(tree, self.states[function]._fields)
        return tree

    def _namespace(self, function: FunctionType) -> Mapping[str, Any]:
        """The values of the global names of a function."""
        if function in self.generated:
            return self.generated[function].namespace
        state = {STATE: self.states[function]} if function in self.states else {}
        return {**function.__globals__, **inspect.getclosurevars(function).nonlocals, **state}

    def _maker(self, tuple_class: type[Any]) -> str:
        """The name of the function that makes a named tuple; it is put in."""
        if tuple_class not in self.parts:
            uses = _Uses({"numpy": "import numpy"})
            imported = _imported(tuple_class, uses)
            text = self.makers[tuple_class].format(name=UNNAMED, tuple=imported).rstrip()
            return self._put(tuple_class, tuple_class.__name__, text, uses)
        return self.parts[tuple_class].name

    def _resolved(self, name: str, function: FunctionType, tree: ast.FunctionDef, uses: _Uses) -> str:
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
            called = self.add(value)
            uses.calls[called] = None
            return called
        if value in (math.isnan, math.sqrt, math.isinf, math.isfinite, math.floor, math.ceil):
            uses.imports["math"] = "import math"
            return f"math.{value.__name__}"
        if isinstance(value, ModuleType) and value.__name__ in ("math", "numpy"):
            uses.imports[name] = f"import {value.__name__} as {name}"
            return ""
        if isinstance(value, NUMBERS):
            return literal(value)
        if isinstance(value, type) and issubclass(value, tuple) and hasattr(value, "_fields"):
            if value not in self.makers:
                imported = _imported(value, uses)
                return "" if imported == name else imported
            called = self._maker(value)
            uses.calls[called] = None
            return called
        if value is Any or isinstance(value, type):
            return ""
        raise refusal(function, line_of(tree, name), f"{name!r}, a {type(value).__name__} outside the rule")


def _imported(tuple_class: Any, uses: _Uses) -> str:
    """The name of a named tuple's class, imported; another one of the same name gets a number."""
    # its fields are in the text, so that other fields make another part
    name = tuple_class.__name__
    line = f"from {tuple_class.__module__} import {name}  # {', '.join(tuple_class._fields)}"
    if uses.imports.get(name, line) != line:
        name = f"{name}_{len(uses.imports)}"
        line = line.replace(f" import {tuple_class.__name__}  #", f" import {tuple_class.__name__} as {name}  #")
    uses.imports[name] = line
    return name


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
