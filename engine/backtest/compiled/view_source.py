"""The functions of a kernel that know a strategy's own named tuples, as source: a compiler needs their types."""

from types import FunctionType
from typing import Any

from engine.backtest.compiled.kernel.rule_views import cross_views, views
from strategies._contract import form_of, kinds_of
from strategies._view import CrossDecision, CrossView, Decision
from strategies.base import Strategy

from .source_linker import Generated, literal

INTEGERS = {"side": "workspace.rule_sides", "held": "workspace.rule_held", "waiting": "workspace.rule_waiting"}
"""The fields of a cross-sectional view that are whole numbers, and where the workspace has them."""
VIEWED = tuple(name for name in CrossView._fields if name not in (*INTEGERS, "features"))
"""The fields of a cross-sectional view that are prices, returns and signals, in the rows of ``Workspace.rule_view``."""


def state_size(strategy: type[Strategy]) -> int:
    """The number of a rule's own numbers."""
    return len(strategy.state._fields) if form_of(strategy).has_state else 0


def makers(strategy: type[Strategy], *, cross: bool) -> dict[type[Any], str]:
    """By named tuple, the source of the function that makes one: with its numbers of their declared types.

    Without it a rule that gives ``State(0)`` at one place and ``State(0.5)`` at another could not be compiled. The text
    has ``{name}`` for the function's name and ``{tuple}`` for the class.
    """
    if cross:
        return {CrossDecision: CROSS_DECISION}
    sources = {Decision: _maker(Decision, {"target": float, "reason": int})}
    if form_of(strategy).has_state:
        sources[strategy.state] = _maker(strategy.state, kinds_of(strategy.state))
    return sources


CROSS_DECISION = """\
def {name}(target, reason=None):
    if reason is None:
        return {tuple}(target, numpy.zeros(0, numpy.int64))
    return {tuple}(target, reason)
"""


def _maker(tuple_class: Any, kinds: dict[str, Any]) -> str:
    start = tuple_class._field_defaults
    arguments = ", ".join(f"{name}={literal(start[name])}" if name in start else name for name in kinds)
    values = ", ".join(f"{kind.__name__}({name})" for name, kind in kinds.items())
    return f"def {{name}}({arguments}):\n    return {{tuple}}({values})\n"


def generated(strategy: type[Strategy], *, cross: bool) -> dict[FunctionType, Generated]:
    """By placeholder of a kernel, what takes its place for a strategy's rule."""
    state = strategy.state if form_of(strategy).has_state else None
    namespace = {"rule": strategy.rule, "State": state, "Reads": strategy.reads, "CrossView": CrossView}
    texts = _cross_texts(strategy.reads, state) if cross else _scalar_texts(strategy.reads, state)
    return {placeholder: Generated(text, namespace) for placeholder, text in texts.items()}


def _scalar_texts(reads: Any, state: Any) -> dict[Any, str]:
    """The sources for a rule that looks at one symbol."""
    return {
        views.read_features: _read_features(reads),
        views.ask_rule: _ask(state, "ask_rule", keeps_state=True),
        views.ask_in_passing: _ask(state, "ask_in_passing", keeps_state=False),
        views.begin_state: _begin_state(state, "symbol, {index}"),
    }


def _cross_texts(reads: Any, state: Any) -> dict[Any, str]:
    """The sources for a rule that looks at all symbols."""
    return {
        views.read_features: _read_features(None),
        views.begin_state: _begin_state(state, "{index}, symbol"),
        cross_views.ask_cross: _ask_cross(reads, state),
    }


def _ask_cross(reads: Any, state: Any) -> str:
    viewed = {name: f"workspace.rule_view[{row}]" for row, name in enumerate(VIEWED)}
    viewed |= INTEGERS
    columns = ", ".join(f"workspace.rule_features[{row}]" for row in range(len(reads._fields) if reads else 0))
    viewed["features"] = f"Reads({columns})" if reads else "()"
    view = f"CrossView({', '.join(viewed[name] for name in CrossView._fields)})"
    head = f"def ask_cross(workspace, p):\n    view = {view}\n"
    if not state:
        return f"{head}    return rule(view, p)\n"
    fields = list(enumerate(state._fields))
    # Copies, for what is stored below may be made of them.
    stored = ", ".join(f"workspace.rule_state[{row}].copy()" for row, _ in fields)
    lines = [f"    decision, state = rule(view, State({stored}), p)\n"]
    for row, name in fields:
        lines += [
            f"    if len(state.{name}) != len(workspace.positions):\n",
            f"        raise ValueError('the state {name} has not one number for each symbol')\n",
            f"    for symbol in range(len(state.{name})):\n",
            f"        workspace.rule_state[{row}, symbol] = state.{name}[symbol]\n",
        ]
    return f"{head}{''.join(lines)}    return decision\n"


def _read_features(reads: Any) -> str:
    values = ", ".join(f"arrays.features[step, symbol, {index}]" for index in range(len(reads._fields) if reads else 0))
    value = f"Reads({values})" if reads else "()"
    return f"def read_features(step, symbol, arrays):\n    return {value}\n"


def _ask(state: Any, name: str, *, keeps_state: bool) -> str:
    head = f"def {name}(view, symbol, workspace, p):\n"
    if not state:
        return f"{head}    return rule(view, p)\n"
    fields = list(enumerate(state._fields))
    values = ", ".join(f"workspace.rule_state[symbol, {index}]" for index, _ in fields)
    stored = [f"    workspace.rule_state[symbol, {index}] = state.{field}\n" for index, field in fields if keeps_state]
    return f"{head}    decision, state = rule(view, State({values}), p)\n{''.join(stored)}    return decision\n"


def _begin_state(state: Any, index_text: str) -> str:
    """The source of what writes the start values; ``index_text`` is that of the number ``index``."""
    head = "def begin_state(symbol, workspace):\n"
    if not state:
        return f"{head}    return\n"
    start = enumerate(float(state._field_defaults[field]) for field in state._fields)
    rows = [
        f"    workspace.rule_state[{index_text.format(index=index)}] = {literal(value)}\n" for index, value in start
    ]
    return head + "".join(rows)
