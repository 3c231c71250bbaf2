"""A run folder computed again from its fills, its costs and the closes of the bars, by the rules of docs/ alone.

The account is a ledger in plain Python; measures and tables are those of textbook.py. Nothing is imported from the
project. Each function returns the differences that it finds, in words; none is right.
"""

import itertools
import json
import math
from collections import defaultdict
from datetime import datetime
from zoneinfo import ZoneInfo

import pandas as pd
import textbook

NEAR = 1e-9


def near(value, other, digits=NEAR):
    if value is None or other is None:
        return value is None and other is None
    return math.isclose(value, other, rel_tol=digits, abs_tol=digits)


class Folder:
    """The tables of a run folder as lists of rows, its metrics, and the closes of every symbol.

    ``closes`` holds by symbol the (time, close) of its bars, UTC; ``zone`` is that of the sessions.
    """

    def __init__(self, path, closes, zone):
        tables = ("equity", "fills", "trades", "costs", "orders")
        read = {name: pd.read_parquet(path / f"{name}.parquet").to_dict("records") for name in tables}
        self.equity, self.fills, self.trades, self.costs, self.orders = (read[name] for name in tables)
        self.metrics = json.loads((path / "metrics.json").read_text(encoding="utf-8"))
        self.closes = closes
        self.zone = ZoneInfo(zone)
        self.times = [row["time"] for row in self.equity]
        self.cash = self.metrics["cash"]
        self._sessions = {}
        self.account = account(self)

    def session(self, time):
        """The calendar day of a time in the zone of the sessions, a naive midnight."""
        if time not in self._sessions:
            date = time.to_pydatetime().astimezone(self.zone).date()
            self._sessions[time] = datetime.combine(date, datetime.min.time())
        return self._sessions[time]

    def last_of_sessions(self, values):
        """The last of some values by bar in each session, in order."""
        return {self.session(time): value for time, value in zip(self.times, values, strict=True)}

    def means_of_sessions(self, values):
        """The mean of some values by bar over the bars of each session that has a return, in order."""
        by_day = {}
        for time, value in zip(self.times, values, strict=True):
            by_day.setdefault(self.session(time), []).append(value)
        return [math.fsum(by_day[day]) / len(by_day[day]) for day in self.days()]

    def days(self):
        """The sessions that have a return: all but a first one that holds the decision alone."""
        days = list(dict.fromkeys(self.session(time) for time in self.times))
        alone = len(self.times) < 2 or self.session(self.times[0]) != self.session(self.times[1])
        return days[1:] if alone else days


def account(run):
    """Cash, equity, exposures and positions at every close, from fills, costs and closes."""
    cash, held, marks = run.cash, defaultdict(float), {}
    events = _events(run)
    rows = []
    for time in run.times:
        while events and events[-1][0] <= time:
            _, kind, symbol, units, money = events.pop()
            if kind == "close":
                marks[symbol] = money
            else:
                cash -= money
                held[symbol] += units
        worth = [units * marks[symbol] for symbol, units in held.items() if units]
        equity = cash + math.fsum(worth)
        gross = math.fsum(map(abs, worth)) / equity
        rows.append({"cash": cash, "equity": equity, "gross": gross, "net": math.fsum(worth) / equity})
    return rows


def _events(run):
    """What changes cash, positions and marks, the last first; slippage and impact are in the prices already."""
    fills = [(f["time"], "fill", f["symbol"], f["size"], f["size"] * f["price"]) for f in run.fills]
    paid = ("commission", "short_interest", "cash_interest")
    costs = [(c["time"], "cost", c["symbol"], 0.0, c["amount"]) for c in run.costs if c["kind"] in paid]
    closes = [(time, "close", symbol, 0.0, close) for symbol, bars in run.closes.items() for time, close in bars]
    return sorted([*fills, *costs, *closes], key=lambda event: event[0], reverse=True)


def ledger_differences(run):
    """The equity table against the ledger."""
    keys = {"cash": "cash", "equity": "equity", "gross": "gross_exposure", "net": "net_exposure"}
    wrong = []
    for row, mine in zip(run.equity, run.account, strict=True):
        wrong += [
            f"{row['time']}: {key} {row[key]} is {mine[name]}"
            for name, key in keys.items()
            if not near(row[key], mine[name], 1e-8)
        ]
    commissions = math.fsum(c["amount"] for c in run.costs if c["kind"] == "commission")
    if not near(commissions, math.fsum(f["commission"] for f in run.fills)):
        wrong.append("the commission of costs is not that of fills")
    return wrong


def returns(run):
    """The returns by session of the strategy, the benchmark, and the benchmark at the mean exposure."""
    rows = run.account
    days = run.days()
    values = run.last_of_sessions([row["equity"] for row in rows])
    wealth = [run.cash, *(values[day] for day in days)]
    closes = run.closes[run.metrics["benchmark"]]
    base = [close for time, close in closes if time <= run.times[0]][-1]
    market = _changes([base, *_closes_by(run, closes, days)])
    exposure = run.means_of_sessions([row["gross"] for row in rows])
    mean = math.fsum(exposure) / len(exposure)
    return days, {
        "strategy": _changes(wealth),
        "benchmark": market,
        "benchmark_at_exposure": [mean * r for r in market],
    }


def _closes_by(run, closes, days):
    """The last close by the end of each session."""
    row = 0
    for day in days:
        while row < len(closes) and run.session(closes[row][0]) <= day:
            row += 1
        yield closes[row - 1][1]


def _changes(values):
    return [after / before - 1.0 for before, after in itertools.pairwise(values)]


def sessions_per_year(days):
    """Sessions in a year by the rule of docs/measures.md, the period of a return, and the number of holes."""
    steps = [(b - a).days for a, b in itertools.pairwise(days)]
    if not steps:
        return 252.0, "session", 0
    median = sorted(steps)[(len(steps) - 1) // 2]
    kept = [step for step in steps if not (step > 15 and step > 5 * median)]
    count = len(kept) / sum(kept) * 365.25
    weekend = any(day.weekday() >= 5 for day in days)
    usual = min((252.0, 260.0, *([365.0] if weekend else [])), key=lambda number: abs(count / number - 1.0))
    # 3 %, and three days more: a short span may lack a weekend
    if abs(count / usual - 1.0) <= 0.03 + 3.0 / sum(kept):
        count = 252.0 if sum(kept) < 365 and usual == 260.0 else usual
    spans = {"day": (1, 1), "week": (5, 9), "month": (26, 35), "quarter": (85, 97), "year": (360, 372)}
    period = next((name for name, (least, most) in spans.items() if least <= median <= most), "session")
    return count, period, len(steps) - len(kept)


def round_trips(run):
    """The net results of the closed trades, from flat to flat, of fills and of the interest in between."""
    results = []
    for symbol in {fill["symbol"] for fill in run.fills}:
        held, result, entered = 0.0, 0.0, None
        for fill in (f for f in run.fills if f["symbol"] == symbol):
            entered = entered or fill["time"]
            held = fill["position_after"]
            result -= fill["size"] * fill["price"] + fill["commission"]
            if held == 0.0:
                results.append(result - _interest(run, symbol, entered, fill["time"]))
                result, entered = 0.0, None
    return results


def _interest(run, symbol, first, last):
    kinds = ((c["time"], c["amount"]) for c in run.costs if c["symbol"] == symbol and c["kind"] == "short_interest")
    return math.fsum(amount for time, amount in kinds if first < time <= last)


def _by_session(run, amounts):
    """Sums of (time, amount) by session, each over the account at the session before."""
    days = run.days()
    values = run.last_of_sessions([row["equity"] for row in run.account])
    before = dict(zip(days, [run.cash, *(values[day] for day in days)], strict=False))
    total = dict.fromkeys(days, 0.0)
    for time, amount in amounts:
        day = run.session(time)
        if day in total:
            total[day] += amount / before[day]
    return math.fsum(total.values()) / len(days)


def measures(run):
    """Every measure of metrics.json that has a definition in docs/measures.md, by column and name."""
    days, columns = returns(run)
    year, _, _ = sessions_per_year(days)
    free = run.metrics["risk_free"]
    found = {
        name: {**textbook.of_returns(values, year, free), **textbook.against(values, columns["benchmark"], year, free)}
        for name, values in columns.items()
    }
    exposure = run.means_of_sessions([row["gross"] for row in run.account])
    moved = [(f["time"], abs(f["size"]) * f["price"]) for f in run.fills]
    costs = [(c["time"], c["amount"]) for c in run.costs if c["kind"] != "cash_interest"]
    found["strategy"] |= {
        **textbook.of_trades(round_trips(run)),
        "average_exposure": math.fsum(exposure) / len(days),
        "turnover": _by_session(run, moved) * year,
        "cost_drag": _by_session(run, costs) * year,
    }
    return found


def measure_differences(run):
    """metrics.json against the recomputed measures; those whose returns hardly vary have no digits to compare."""
    days, columns = returns(run)
    year, period, holes = sessions_per_year(days)
    metrics = run.metrics
    wrong = [
        f"{key}: {metrics[key]} is {value}"
        for key, value in (("period", period), ("final_equity", run.account[-1]["equity"]), ("periods_per_year", year))
        if not (near(metrics[key], value) if isinstance(value, float) else metrics[key] == value)
    ]
    wrong += [f"{len(metrics['holes'])} holes are {holes}"] * (len(metrics["holes"]) != holes)
    for column, values in measures(run).items():
        if _is_flat(columns[column]):
            continue
        for name, item in metrics["measures"][column].items():
            if name in values and not near(item["value"], values[name], 1e-6):
                wrong.append(f"{column}, {name}: {item['value']} is {values[name]}")
            wrong += [f"{column}, {name}: no flag"] * (_is_ratio(item) and len(days) < 30 and not item["flags"])
    return wrong


def _is_ratio(item):
    return item["value"] is not None and item["unit"] == "ratio" and item["period"] != "per trade"


def _is_flat(values):
    """Whether returns vary by rounding alone."""
    return max(values) - min(values) < 1e-12


def page_differences(run, tables):
    """The tear-sheet's and the report's tables, as lists of rows of cells, against the recomputed figures."""
    days, columns = returns(run)
    year, period, _ = sessions_per_year(days)
    free = run.metrics["risk_free"]
    rows = defaultdict(list)
    for table in (table for table in tables if table[0][-1] != "reason"):  # not the figures of another library
        for row in table:
            rows[row[0]].append(row[1:])
    found = []
    for label, value in textbook.key_figures(days, columns["strategy"], year, period, free).items():
        if not any(textbook.is_printed(cells[0], value) for cells in rows[label] if cells):
            found.append(f"{label}: {[cells[:1] for cells in rows[label]]} is {value}")
    return [*found, *_headline(run, rows), *_months(days, columns["strategy"], rows), *_falls(days, columns, tables)]


def _headline(run, rows):
    """The headline figures of every column."""
    found = measures(run)
    labels = {"total_return": "Total return", "cagr": "CAGR", "volatility": "Volatility", "sharpe": "Sharpe"}
    labels |= {"sortino": "Sortino", "max_drawdown": "Max drawdown", "calmar": "Calmar"}
    labels |= {"value_at_risk_95": "Value at risk 95 %", "expected_shortfall_99": "Expected shortfall 99 %"}
    columns = ("strategy", "benchmark", "benchmark_at_exposure")
    for name, label in labels.items():
        wanted = [found[column][name] for column in columns]
        for cells in rows[label]:
            if len(cells) >= 3 and not all(map(textbook.is_printed, cells[:3], wanted)):
                yield f"{label}: {cells[:3]} is {wanted}"


def _months(days, values, rows):
    """The monthly table, in per cent, and the returns by year."""
    months, years = textbook.by_month(days, values), textbook.by_year(days, values)
    for year, total in years.items():
        cells = next(cells for cells in rows[str(year)] if len(cells) == 13)
        wanted = [*(months.get((year, month)) for month in range(1, 13)), total]
        for cell, value in zip(cells, wanted, strict=True):
            if not textbook.is_printed(f"{cell} %" if cell else "", value):
                yield f"{year}: {cell} is {value}"
        if not any(len(cells) == 3 and textbook.is_printed(cells[0], total) for cells in rows[str(year)]):
            yield f"{year}: no such return by year: {total}"


def _falls(days, columns, tables):
    """The ten deepest drawdowns."""
    table = next(table for table in tables if table[0][:2] == ["Started", "Recovered"])
    falls = sorted(textbook.falls(columns["strategy"]), key=lambda fall: fall[0])[:10]
    if len(table) - 1 != len(falls):
        yield f"{len(table) - 1} drawdowns are {len(falls)}"
    texts = {(row[0], row[1], row[3]) for row in table[1:]}
    for depth, length, first, end in falls[:9]:
        recovered = "not yet" if end is None else f"{days[end]:%Y-%m-%d}"
        row = (f"{days[first]:%Y-%m-%d}", recovered, str(length))
        if row not in texts or not any(textbook.is_printed(cells[2], depth) for cells in table[1:]):
            yield f"no drawdown {row} of {depth}"
