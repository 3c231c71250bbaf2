"""Rows for the tables ``costs`` and ``stops``, from the fills of a run and the notes of its broker."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

Row: TypeAlias = dict[str, Any]
Clock: TypeAlias = Callable[[Any, float], pd.Timestamp]
Symbol: TypeAlias = Callable[[Any], str]


class Fill(NamedTuple):
    """One fill: its order's reference, its number within the order, its row, and the short interest booked into it."""

    ref: int
    number: int
    row: Row
    interest: float


Moved: TypeAlias = Callable[[Fill], Mapping[str, float]]


def name_of(data: Any) -> str:
    """The feed's name."""
    return str(data._name)


def note_of(broker: Any, ref: int, number: int) -> Any:
    """The broker's note of a fill; None where the broker is not a ``RiskBroker``."""
    return getattr(broker, "notes", {}).get((ref, number))


def cost_rows(
    fills: list[Fill], broker: Any, clock: Clock, symbol: Symbol = name_of, moved: Moved | None = None
) -> Iterator[Row]:
    """Rows of the costs of fills, of the interest on shorts and of the interest on idle cash; none for 0.

    A :class:`~risk.bt_adapter.RiskBroker` knows the bars at which it charged a short. Of any other broker the interest
    is dated at the fill that closes the short, or at the last bar.

    Parameters
    ----------
    moved : gives the slippage and the impact of a fill, account currency; those of the broker's notes by default. NaN
        where it is not known.
    """
    charged = getattr(broker, "charged", None)
    for fill in fills:
        costs = moved(fill) if moved else _noted(note_of(broker, fill.ref, fill.number))
        for kind, amount in _of_fill(fill, costs).items():
            if amount != 0.0 and (kind != "short_interest" or charged is None):
                yield {"time": fill.row["time"], "symbol": fill.row["symbol"], "kind": kind, "amount": amount}
    due = ((data, data.datetime[0], due) for data, due in getattr(broker, "d_credit", {}).items() if due)
    for data, number, amount in due if charged is None else charged:
        yield _interest(clock(data, number), symbol(data), "short_interest", amount)
    for data, number, amount in getattr(broker, "earned", ()):
        yield _interest(clock(data, number), "", "cash_interest", -amount)


def _noted(note: Any) -> dict[str, float]:
    return {"slippage": note.slippage, "impact": note.impact} if note else {}


def _of_fill(fill: Fill, moved: Mapping[str, float]) -> dict[str, float]:
    return {"commission": fill.row["commission"], **moved, "short_interest": fill.interest}


def _interest(time: pd.Timestamp, symbol: str, kind: str, amount: float) -> Row:
    return {"time": time, "symbol": symbol, "kind": kind, "amount": amount}


def stop_rows(ids: Mapping[int, int], broker: Any, clock: Clock, symbol: Symbol = name_of) -> Iterator[Row]:
    """One row an entry that a stop protected, by order of entry.

    Parameters
    ----------
    ids : the order numbers of the run, by backtrader's reference.
    """
    for ref, entry in sorted(getattr(broker, "entries", {}).items()):
        if ref in ids:
            yield {"symbol": symbol(entry.data), **_protected(ids[ref], entry, broker.stopped.get(ref), clock)}


def _protected(order_id: int, entry: Any, stopped: Any, clock: Clock) -> Row:
    return {
        "order_id": order_id,
        "entered_at": clock(entry.data, entry.dt),
        "size": entry.size,
        "entry_price": entry.entry_price,
        "stop_price": entry.stop_price,
        "bar_extreme": entry.bar_extreme,
        "bar_close": entry.bar_close,
        "stopped_at": clock(entry.data, stopped.dt) if stopped else pd.NaT,
        "stopped_size": stopped.size if stopped else float("nan"),
        "trigger": stopped.trigger if stopped else float("nan"),
        "quoted": stopped.quoted if stopped else float("nan"),
    }
