"""The roles of a table's columns, by their names in any usual spelling, language, case and order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.types import PRICES
from marketdata.data_faults import Fault
from marketdata.layouts.base import letters
from marketdata.sources.base import ADJUSTED

DATE, TIME, CLOSE_TIME, EPOCH, SYMBOL = "date", "time", "close_time", "epoch", "symbol"
SPELLINGS = {
    DATE: ("date", "datetime", "timestamp", "day", "tradingday", "datum", "data", "fecha", "tsevent", "begins"),
    TIME: ("time", "t", "zeit", "uhrzeit", "czas", "heure", "hora"),
    EPOCH: ("unix", "epoch", "unixtime", "unixtimestamp", "epochms"),
    CLOSE_TIME: ("closetime", "enddate", "endtime", "endofbar"),
    "open": (
        *("open", "openprice", "o", "eröffnung", "eröffn", "eröffnungskurs", "erster"),
        *("otwarcie", "kursotwarcia", "ouverture", "ouv", "apertura"),
    ),
    "high": (
        *("high", "highprice", "h", "hoch", "höchst", "höchstkurs", "tageshoch", "najwyższy", "najwyzszy"),
        *("kursmaksymalny", "maksymalny", "plushaut", "haut", "máximo", "maximo"),
    ),
    "low": (
        *("low", "lowprice", "l", "tief", "tiefst", "tiefstkurs", "tagestief", "najniższy", "najnizszy"),
        *("kursminimalny", "minimalny", "plusbas", "bas", "mínimo", "minimo"),
    ),
    "close": (
        *("close", "closeprice", "closelast", "c", "last", "lastprice", "latest", "price", "schluss", "schlusskurs"),
        *("schlußkurs", "zuletzt", "zamknięcie", "zamkniecie", "kurszamknięcia", "kurszamkniecia"),
        *("clôture", "cloture", "dernier", "fermeture", "cierre", "último", "ultimo"),
    ),
    "volume": (
        *("volume", "vol", "v", "volumen", "wolumen", "wolumenobrotu", "stücke", "umsatz", "tickvolume"),
        *("quantité", "totalvolume"),
    ),
    ADJUSTED: ("adjclose", "adjustedclose", "closeadj", "closeadjusted", "adjcloseprice"),
    SYMBOL: ("symbol", "ticker", "name", "sym", "instrument", "isin", "act", "stock"),
}
"""Names of a column by role, without everything but letters and digits."""
ROLES = {spelling: role for role, spellings in SPELLINGS.items() for spelling in spellings}
STARTS = {"opentime": DATE, "starttime": DATE, "startdate": DATE, "barstart": DATE, "windowstart": DATE}
"""Names of columns that say that a bar is stamped at its start."""
ZONED = {"gmttime": "UTC", "utctime": "UTC", "timeutc": "UTC", "dateutc": "UTC", "datetimeutc": "UTC"} | {
    "timestamputc": "UTC"
}
"""Names of columns of stamps that say their zone."""
WEAK = frozenset({"price", "last", "umsatz", "t", "name", "stock", "lastprice"})
"""Names that have their role only if no other column has it."""
NAMES = {DATE: "Date", "open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}


@dataclass(frozen=True)
class Roles:
    """The indices of a table's columns by role.

    Attributes
    ----------
    time_columns : of the time stamps: one, or a date and a time of day.
    columns : by role; ``volume``, `ADJUSTED` and ``symbol`` may be missing.
    names : all names as the file has them.
    zone : of the stamps, where a column's name says it.
    side : ``start`` or ``end``, where a column's name says it.
    """

    time_columns: tuple[int, ...]
    columns: dict[str, int]
    names: tuple[str, ...]
    zone: str | None = None
    side: str | None = None

    @property
    def unused(self) -> tuple[int, ...]:
        """The columns without a role."""
        used = {*self.time_columns, *self.columns.values()}
        return tuple(column for column in range(len(self.names)) if column not in used)


def role_of(name: str) -> str | None:
    """The role that a column's name has."""
    plain = letters(name)
    return ROLES.get(plain) or STARTS.get(plain) or (DATE if plain in ZONED else None)


def role_count(cells: Sequence[str]) -> int:
    """The number of different roles in a line of names."""
    return len({role for cell in cells if (role := role_of(cell))})


def roles_of(
    names: Sequence[str], stated: Mapping[str, str | int], adjust: bool, where: str, first_is_date: bool = False
) -> Roles | Fault:
    """The roles of a table's columns, or the fault of its header.

    Parameters
    ----------
    stated : role to name, or position from 1, as the config or the layout states it.
    adjust : an adjusted close is needed.
    where : the part of the file that names the columns, for the advice: "the first line", say.
    first_is_date : the first column holds dates, whatever its name is.
    """
    placed = _stated(names, stated)
    if isinstance(placed, Fault):
        return placed
    columns_by_role = _by_role(names, placed)
    if not {DATE, TIME, EPOCH, CLOSE_TIME} & set(columns_by_role) and first_is_date and 0 not in placed.values():
        columns_by_role[DATE] = [0]
    _prefer(columns_by_role, names)
    fault = _doubled(columns_by_role, names) or _missing(columns_by_role, names, adjust, where)
    return fault or _roles(columns_by_role, names)


def _stated(names: Sequence[str], stated: Mapping[str, str | int]) -> dict[str, int] | Fault:
    placed: dict[str, int] = {}
    for role, name in stated.items():
        if isinstance(name, int):
            if not 1 <= name <= len(names):
                return Fault(f"columns: {role}: {name} is no column; there are {len(names)}", "count them from 1")
            placed[role] = name - 1
        elif name in names:
            placed[role] = list(names).index(name)
        else:
            return Fault(f"columns: {role}: there is no column {name!r}; found: {', '.join(names)}", "name one of them")
    return placed


def _by_role(names: Sequence[str], placed: Mapping[str, int]) -> dict[str, list[int]]:
    columns_by_role = {role: [column] for role, column in placed.items()}
    for column, name in enumerate(names):
        role = role_of(name)
        if role and role not in placed and column not in placed.values():
            columns_by_role.setdefault(role, []).append(column)
    if DATE in placed and CLOSE_TIME not in placed:
        columns_by_role.pop(EPOCH, None)
    return columns_by_role


def _prefer(columns_by_role: dict[str, list[int]], names: Sequence[str]) -> None:
    """Of several columns of one role drop those whose names are weak; an epoch and an end go before other stamps."""
    for role, columns in columns_by_role.items():
        strong = [column for column in columns if letters(names[column]) not in WEAK]
        if strong and len(columns) > len(strong):
            columns_by_role[role] = strong
    if EPOCH in columns_by_role:
        columns_by_role[DATE] = columns_by_role.pop(EPOCH)
        columns_by_role.pop(TIME, None)
    if SYMBOL in columns_by_role:
        columns_by_role[SYMBOL] = columns_by_role[SYMBOL][:1]
    if CLOSE_TIME in columns_by_role:
        columns_by_role.pop(TIME, None)


def _doubled(columns_by_role: Mapping[str, list[int]], names: Sequence[str]) -> Fault | None:
    stamp_columns = [column for column in columns_by_role.get(DATE, ()) if letters(names[column]) in _FULL_STAMPS]
    if stamp_columns and TIME in columns_by_role:  # a stamp has its time already; only a plain date is joined with one
        columns_by_role = {**columns_by_role, DATE: sorted((*columns_by_role[DATE], *columns_by_role[TIME]))}
    for role, numbers in columns_by_role.items():
        names_given = [names[column] for column in numbers]
        if len(set(names_given)) > 1:
            advice = f"keep one, or state it in the source: `columns: {{{role}: {names_given[0]}}}`"
            return Fault(f"columns {', '.join(names_given)} mean the same", advice)
        if len(names_given) > 1:
            return Fault(f"column {names_given[0]} is there twice", "keep one")
    return None


_FULL_STAMPS = ("datetime", "timestamp", "tsevent")


def _missing(columns_by_role: Mapping[str, list[int]], names: Sequence[str], adjust: bool, where: str) -> Fault | None:
    names_given = ", ".join(names)
    stamp_roles = {DATE: None} if {DATE, TIME, CLOSE_TIME} & set(columns_by_role) else {}
    missing = [NAMES[role] for role in (DATE, *PRICES) if role not in {**columns_by_role, **stamp_roles}]
    if missing:
        advice = f"{where} must name {needed()}, or the source state them: `columns: {{{missing[-1].lower()}: ...}}`"
        return Fault(f"column {', '.join(missing)} is missing; found: {names_given}", advice)
    if adjust and ADJUSTED not in columns_by_role:
        problem = f"adjust is true, but column Adj Close is missing; found: {names_given}"
        return Fault(problem, "give it, or drop `adjust`")
    return None


def _roles(columns_by_role: Mapping[str, list[int]], names: Sequence[str]) -> Roles:
    ends = columns_by_role.get(CLOSE_TIME)
    time_columns = (
        (ends[0],) if ends else tuple(columns_by_role[role][0] for role in (DATE, TIME) if role in columns_by_role)
    )
    stamps = (DATE, TIME, CLOSE_TIME)
    columns = {role: numbers[0] for role, numbers in columns_by_role.items() if role not in stamps}
    stamp_name = letters(names[time_columns[0]])
    side = "end" if ends else "start" if stamp_name in STARTS else None
    starts = tuple(columns_by_role[DATE][:1]) if ends and DATE in columns_by_role else ()
    used = {**columns, **({"start": starts[0]} if starts else {})}
    return Roles(time_columns, used, tuple(names), ZONED.get(stamp_name), side)


def needed() -> str:
    """The columns that a file must have, for messages."""
    return f"{', '.join(NAMES[role] for role in (DATE, *PRICES))} and, if there is one, {NAMES['volume']}"
