"""The form of a strategy's rule, what it reads and what it remembers: checked before anything is run."""

import inspect
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from core.errors import ConfigError
from signals.features.base import Feature

SCALAR = ("prediction", "confidence", "side", "held", "p")
CROSS = ("prediction", "confidence", "side", "p")
VIEW = ("view", "p")
STATEFUL = ("view", "state", "p")
NUMBERS = (float, int, bool)
LONGEST_REASON = 60


class RuleForm(NamedTuple):
    """The form of a rule.

    Attributes
    ----------
    takes_view : True if it is handed one view; False for the numbers of a :class:`~strategies.base.Rule`.
    has_state : True if it has numbers of its own.
    """

    takes_view: bool
    has_state: bool


def form_of(strategy: type[Any]) -> RuleForm:
    """The form of a strategy's rule: its first argument is called ``view``, or it takes numbers."""
    return _form(strategy.rule)


@cache
def _form(rule: Any) -> RuleForm:
    names = list(inspect.signature(rule).parameters)
    takes_view = names[:1] == ["view"]
    return RuleForm(takes_view, takes_view and len(names) == len(STATEFUL))


def fault_of(strategy: type[Any], *, cross: bool) -> str:
    """The fault of the rule of a strategy's class, or of what it declares; empty if there is none.

    Parameters
    ----------
    cross : True if the rule looks at all symbols at once.
    """
    signature = inspect.signature(strategy.rule)
    form = form_of(strategy)
    numbers = CROSS if cross else SCALAR
    allowed = (VIEW, STATEFUL) if form.takes_view else (numbers,)
    if not any(_binds(signature, names) for names in allowed):
        first, *others = (f"({', '.join(names)})" for names in (numbers, VIEW, STATEFUL))
        return (
            f"takes {signature}, but it is called with {first}; one that is handed a view takes {' or '.join(others)}"
        )
    return next((fault for fault in _faults(strategy, form) if fault), "")


def _binds(signature: inspect.Signature, names: Sequence[str]) -> bool:
    try:
        signature.bind(*names)
    except TypeError:
        return False
    return len(signature.parameters) == len(names)


def _faults(strategy: type[Any], form: RuleForm) -> Iterator[str]:
    if not form.takes_view:
        for name in ("reads", "state", "reasons"):
            if getattr(strategy, name):
                yield f"takes no view, so {name} = {getattr(strategy, name)!r} is of no use: write it as (view, p)"
        return
    yield _state_fault(strategy.state, has_state=form.has_state)
    if strategy.reads and not is_named_tuple(strategy.reads):
        yield f"reads {strategy.reads!r}, which is no NamedTuple; declare its features as fields of one"
    for reason in strategy.reasons:
        if not isinstance(reason, str) or not 0 < len(reason) <= LONGEST_REASON or "\n" in reason:
            yield f"has the reason {reason!r}; reasons are texts of 1 to {LONGEST_REASON} characters in one line"


def _state_fault(state: Any, *, has_state: bool) -> str:
    if not has_state:
        return "takes no state, but the strategy declares one: write it as (view, state, p)" if state else ""
    if not state or not is_named_tuple(state):
        return "takes a state, so the strategy has to declare it: state = a NamedTuple of numbers with start values"
    for name, kind in kinds_of(state).items():
        if kind not in NUMBERS:
            return f"has the state {name}, a {getattr(kind, '__name__', kind)}; a state is float, int or bool"
        if name not in state._field_defaults:
            return f"has the state {name} without a start value; give it one: {name}: {kind.__name__} = 0"
    return ""


def is_named_tuple(value: Any) -> bool:
    """True for a class of named tuples."""
    return isinstance(value, type) and issubclass(value, tuple) and hasattr(value, "_fields")


@cache
def kinds_of(fields: Any) -> dict[str, Any]:
    """The type of each field of a named tuple."""
    hints = typing.get_type_hints(fields)
    return {name: hints[name] for name in fields._fields}


def started(state: Any) -> Any:
    """A state with its start values."""
    return cast_state(state, state())


def cast_state(state: Any, values: Any) -> Any:
    """A rule's state with each number of its declared type, as the compiled engine keeps it."""
    return state(*(kind(value) for kind, value in zip(kinds_of(state).values(), values, strict=True)))


def columns_of(strategy: Any, features: Sequence[Feature]) -> tuple[str, ...]:
    """The columns of a config's features that a strategy's rule reads, in the order of its ``reads``.

    Raises
    ------
    ConfigError
        One of them is not there, or ``strategy.features`` names something that the rule does not read.
    """
    names = strategy.reads._fields if strategy.reads else ()
    for name in strategy.features:
        if name not in names:
            available = ", ".join(names) or "no feature"
            raise ConfigError(f"strategy {strategy.kind} does not read {name!r}; it reads {available}; remove it")
    return tuple(column_of(name, strategy.features, features, f"strategy {strategy.kind} reads") for name in names)


def filtered_columns(strategy: Any, features: Sequence[Feature]) -> dict[str, str]:
    """By name in the conditions of ``only_if``, the column of the config's features.

    Raises
    ------
    ConfigError
        One of them is not there.
    """
    who = "strategy.only_if names"
    return {name: column_of(name, {}, features, who) for name in strategy.entry_filter.columns}


def column_of(name: str, renamed: Mapping[str, str], features: Sequence[Feature], who: str) -> str:
    """The column of a config's features under a name: a column's own, or the kind of a feature of one column.

    Parameters
    ----------
    renamed : the columns that names stand for, where a config says so.
    who : begins the message.
    """
    title = renamed.get(name, name)
    columns = [column for feature in features for column in feature.names]
    if title in columns:
        return title
    of_kind = [column for feature in features if feature.kind == title for column in feature.names]
    if len(of_kind) == 1:
        return of_kind[0]
    if of_kind:
        raise ConfigError(f"{who} {title!r}, which is more than one feature: {', '.join(of_kind)}; name one of them")
    available = ", ".join(columns) or "none"
    renames = f", or name one of them under strategy.features: {{{name}: ...}}"
    hint = f"add it{renames if columns and who.endswith('reads') else ''}"
    raise ConfigError(f"{who} the feature {title!r}, which the config has not; its features: {available}; {hint}")
