"""Figures of returns by the definitions of docs/measures.md, in plain Python: loops over lists, no numpy, no pandas.

Nothing here is imported from the project. None stands for an undefined figure.
"""

import math
from statistics import NormalDist, mean, stdev


def ratio(numerator, denominator):
    return None if numerator is None or not denominator or denominator <= 1e-15 else numerator / denominator


def minus(value, other):
    return None if value is None else value - other


def growth(returns):
    return math.prod(1.0 + r for r in returns)


def below_peak(returns):
    wealth = peak = 1.0
    water = []
    for r in returns:
        wealth *= 1.0 + r
        peak = max(peak, wealth)
        water.append(wealth / peak - 1.0)
    return water


def falls(returns):
    """Depth, sessions below the peak, first and last row of each drawdown; the last row is None while it lasts."""
    found, peak_row, first, depth = [], -1, None, 0.0
    for row, water in enumerate(below_peak(returns)):
        if water < 0.0:
            first = row if first is None else first
            depth = min(depth, water)
        else:
            if first is not None:
                found.append((depth, row - peak_row - 1, first, row))
            peak_row, first, depth = row, None, 0.0
    if first is not None:
        found.append((depth, len(returns) - 1 - peak_row, first, None))
    return found


def quantile(values, share):
    """Linear interpolation between order statistics."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def moment(values, power):
    centre = math.fsum(values) / len(values)
    return math.fsum((v - centre) ** power for v in values) / len(values)


def varies(values):
    return len(values) > 1 and stdev(values) > 1e-15 * (1.0 + max(abs(v) for v in values))


def of_returns(returns, periods, risk_free=0.0):
    """The measures that need nothing but the returns, by their names in metrics.json."""
    n = len(returns)
    rate = (1.0 + risk_free) ** (1.0 / periods) - 1.0
    excess = [r - rate for r in returns]
    root = math.sqrt(periods)
    deepest = min([0.0, *below_peak(returns)])
    cagr = growth(returns) ** (periods / n) - 1.0 if n >= periods else None
    spread = stdev(returns) if varies(returns) else None
    downside = math.sqrt(math.fsum(min(e, 0.0) ** 2 for e in excess) / n)
    drawdowns = falls(returns)
    worst = min(drawdowns, key=lambda fall: fall[0]) if drawdowns else None
    high, low = quantile(returns, 0.95), quantile(returns, 0.05)
    return {
        "total_return": growth(returns) - 1.0,
        "cagr": cagr,
        "volatility": (stdev(returns) if n > 1 else None) and stdev(returns) * root,
        "sharpe": ratio(mean(excess), spread) and mean(excess) / spread * root,
        "sortino": mean(excess) / downside * root if downside > 1e-15 and n > 1 else None,
        "max_drawdown": deepest,
        "calmar": ratio(cagr, -deepest),
        "skew": moment(returns, 3) / moment(returns, 2) ** 1.5 * math.sqrt(n * (n - 1)) / (n - 2) if spread else None,
        "kurtosis": _kurtosis(returns) if spread else None,
        "omega": ratio(math.fsum(max(e, 0.0) for e in excess), math.fsum(max(-e, 0.0) for e in excess)),
        "tail_ratio_95": high / -low if high > 0 > low else None,
        "hit_rate": sum(r > 0 for r in returns) / n,
        "average_drawdown": mean([fall[0] for fall in drawdowns]) if drawdowns else 0.0,
        "longest_drawdown": max([fall[1] for fall in drawdowns], default=0),
        "recovery_time": _recovery(returns, worst),
        "ulcer_index": math.sqrt(math.fsum(w**2 for w in below_peak(returns)) / n),
        "value_at_risk_95": quantile(returns, 0.05) if n >= 20 else None,
        "value_at_risk_99": quantile(returns, 0.01) if n >= 100 else None,
        "expected_shortfall_95": _shortfall(returns, 0.05) if n >= 20 else None,
        "expected_shortfall_99": _shortfall(returns, 0.01) if n >= 100 else None,
        "value_at_risk_95_gaussian": _gaussian(returns)[0] if n >= 20 else None,
        "expected_shortfall_95_gaussian": _gaussian(returns)[1] if n >= 20 else None,
        **_track_record(excess),
    }


def _kurtosis(values):
    n = len(values)
    g = moment(values, 4) / moment(values, 2) ** 2 - 3.0
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * g + 6.0)


def _recovery(returns, worst):
    if worst is None or worst[3] is None:
        return None
    water = below_peak(returns)
    return worst[3] - min(range(worst[2], worst[3]), key=lambda row: water[row])


def _shortfall(values, share):
    limit = quantile(values, share)
    return mean([v for v in values if v <= limit])


def _gaussian(values):
    z = NormalDist().inv_cdf(0.05)
    return mean(values) + z * stdev(values), mean(values) - stdev(values) * NormalDist().pdf(z) / 0.05


def _track_record(excess):
    nothing = {"probabilistic_sharpe": None, "minimum_track_record_length": None}
    if not varies(excess):
        return nothing
    n, ratio_ = len(excess), mean(excess) / stdev(excess)
    skew = moment(excess, 3) / moment(excess, 2) ** 1.5
    kurtosis = moment(excess, 4) / moment(excess, 2) ** 2
    variance = 1.0 - skew * ratio_ + (kurtosis - 1.0) / 4.0 * ratio_**2
    if variance <= 1e-12:
        return nothing
    probability = NormalDist().cdf(ratio_ * math.sqrt(n - 1) / math.sqrt(variance))
    length = 1.0 + variance * (NormalDist().inv_cdf(0.95) / ratio_) ** 2 if ratio_ > 0 else None
    return {"probabilistic_sharpe": probability, "minimum_track_record_length": length}


def against(returns, benchmark, periods, risk_free=0.0):
    """The measures against the benchmark, and the tear-sheet's R² and Treynor ratio."""
    rate = (1.0 + risk_free) ** (1.0 / periods) - 1.0
    x, y = ([r - rate for r in values] for values in (returns, benchmark))
    if not varies(x) or not varies(y):
        return {}
    mx, my = mean(x), mean(y)
    covariance = math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / (len(x) - 1)
    beta = covariance / stdev(y) ** 2
    correlation = covariance / stdev(x) / stdev(y)
    active = [a - b for a, b in zip(returns, benchmark, strict=True)]
    found = {
        "beta": beta,
        "alpha": (mx - beta * my) * periods,
        "correlation": correlation,
        "r_squared": correlation**2,
        "treynor": mx * periods / beta,
    }
    if varies(active):
        found["information_ratio"] = mean(active) / stdev(active) * math.sqrt(periods)
    return found


def of_trades(results):
    """The measures of closed trades, by their names in metrics.json."""
    if not results:
        return dict.fromkeys(("win_rate", "profit_factor", "expectancy", "sqn"))
    gains, losses = sum(r for r in results if r > 0), -sum(r for r in results if r < 0)
    spread = stdev(results) if len(results) > 1 else 0.0
    return {
        "win_rate": sum(r > 0 for r in results) / len(results),
        "profit_factor": ratio(gains, losses),
        "expectancy": mean(results),
        "sqn": math.sqrt(len(results)) * mean(results) / spread if spread > 1e-12 else None,
    }


def compounded(days, returns, key):
    """The compounded returns of calendar periods, by ``key(day)``, in order."""
    wealth = {}
    for day, r in zip(days, returns, strict=True):
        wealth[key(day)] = wealth.get(key(day), 1.0) * (1.0 + r)
    return {period: value - 1.0 for period, value in wealth.items()}


def by_month(days, returns):
    return compounded(days, returns, lambda day: (day.year, day.month))


def by_year(days, returns):
    return compounded(days, returns, lambda day: day.year)


def by_quarter(days, returns):
    return compounded(days, returns, lambda day: (day.year, (day.month - 1) // 3))


def trailing(days, returns, months):
    """The growth since the day some months before the last one, a year's where they are more than twelve."""
    last = days[-1]
    year, month = divmod(last.year * 12 + last.month - 1 - months, 12)
    shortest = 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28
    longest = (31, shortest, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month]
    first = last.replace(year=year, month=month + 1, day=min(last.day, longest))
    if days[0] > first:
        return None
    total = growth([r for day, r in zip(days, returns, strict=True) if day > first])
    return total ** (1.0 / max(1.0, months / 12.0)) - 1.0


def kelly(excess):
    """The multiple of largest mean log growth, by golden section: its mean log is concave."""
    if max(excess) <= 0.0 or min(excess) >= 0.0:
        return None
    low, high = -1.0 / max(excess), -1.0 / min(excess)
    inside = (high - low) * 1e-9
    low, high = low + inside, high - inside
    section = (math.sqrt(5.0) - 1.0) / 2.0

    def worth(multiple):
        return math.fsum(math.log1p(multiple * e) for e in excess)

    for _ in range(120):
        left, right = high - section * (high - low), low + section * (high - low)
        low, high = (left, high) if worth(left) < worth(right) else (low, right)
    return (low + high) / 2.0


def streak(hits):
    longest = current = 0
    for hit in hits:
        current = current + 1 if hit else 0
        longest = max(longest, current)
    return longest


def key_figures(days, returns, periods, period, risk_free=0.0):
    """The tear-sheet's table of key figures by label."""
    n = len(returns)
    adjective = {"day": "daily", "session": "session"}.get(period, f"{period}ly")
    measures = of_returns(returns, periods, risk_free)
    months = list(by_month(days, returns).values())
    drawdowns = falls(returns)
    rate = (1.0 + risk_free) ** (1.0 / periods) - 1.0
    gains, losses = ([r for r in returns if r > 0], [r for r in returns if r < 0])
    columns = _columns(days, returns, period)
    figures = {
        "Cumulative return": measures["total_return"],
        "CAGR": measures["cagr"],
        "Volatility (ann.)": measures["volatility"],
        "Sharpe": measures["sharpe"],
        "Probabilistic Sharpe ratio above 0": measures["probabilistic_sharpe"],
        "Sortino": measures["sortino"],
        "Sortino / √2": measures["sortino"] and measures["sortino"] / math.sqrt(2.0),
        "Omega": measures["omega"],
        "Calmar": measures["calmar"],
        "Gain / pain": ratio(math.fsum(returns), -math.fsum(losses)),
        "Gain / pain (months)": ratio(math.fsum(months), -math.fsum(m for m in months if m < 0)),
        "Max drawdown": measures["max_drawdown"],
        "Average drawdown": mean([fall[0] for fall in drawdowns]) if drawdowns else None,
        "Longest drawdown, sessions": max([fall[1] for fall in drawdowns], default=None),
        "Average drawdown, sessions": mean([fall[1] for fall in drawdowns]) if drawdowns else None,
        "Recovery factor": ratio(measures["total_return"], -measures["max_drawdown"]),
        "Ulcer index": measures["ulcer_index"],
        "Ulcer performance index": ratio(minus(measures["cagr"], risk_free), measures["ulcer_index"]),
        f"{adjective.capitalize()} VaR 95 % (Gaussian)": measures["value_at_risk_95_gaussian"],
        f"{adjective.capitalize()} ES 95 % (Gaussian)": measures["expected_shortfall_95_gaussian"],
        "Skew": measures["skew"],
        "Excess kurtosis": measures["kurtosis"],
        "Tail ratio": measures["tail_ratio_95"],
        f"Payoff ratio ({adjective} returns)": ratio(mean(gains), -mean(losses)) if gains and losses else None,
        f"Profit factor ({adjective} returns)": ratio(math.fsum(gains), -math.fsum(losses)),
        f"Expected {adjective}": growth(returns) ** (1.0 / n) - 1.0,
        "Kelly criterion": kelly([r - rate for r in returns]),
        "Most wins in a row": streak(r > 0 for r in returns),
        "Most losses in a row": streak(r < 0 for r in returns),
    }
    figures.update(_spans(days, returns, periods, period, columns))
    figures.update(_extremes(columns, period))
    return figures


def _columns(days, returns, period):
    """The returns of the session and of the longer calendar periods, by name."""
    columns = {period: returns}
    if period in ("day", "week", "session", "month"):
        month, quarter = by_month(days, returns), by_quarter(days, returns)
        columns = {"month": list(month.values()), **columns, "quarter": list(quarter.values())}
    if period != "year":
        columns["year"] = list(by_year(days, returns).values())
    return columns


def _spans(days, returns, periods, period, columns):
    """What is expected of a month and of a year, and the growth of the last ones."""
    figures, n = {}, len(returns)
    for name, span in (("month", periods / 12.0), ("year", periods)):
        if name in columns and name != period:
            label = f"Expected {name}ly"
            figures[label] = growth(returns) ** (span / n) - 1.0 if n >= span else None
    for months_, label in (
        (1, "Last month"),
        (3, "Last 3 months"),
        (6, "Last 6 months"),
        (12, "Last year"),
        (36, "Last 3 years (ann.)"),
        (60, "Last 5 years (ann.)"),
        (120, "Last 10 years (ann.)"),
    ):
        figures[label] = trailing(days, returns, months_)
    return figures


def _extremes(columns, period):
    """The best, the worst, the mean gain and loss and the share of gains of each column."""
    figures = {}
    for name, values in columns.items():
        figures[f"Winning {name}s"] = sum(v > 0 for v in values) / len(values)
        if name == period or name != "quarter":
            figures[f"Best {name}"] = max(values)
            figures[f"Worst {name}"] = min(values)
        if name == period or name not in ("quarter", "year"):
            figures[f"Average up {name}"] = mean([v for v in values if v > 0] or [0.0]) or None
            figures[f"Average down {name}"] = mean([v for v in values if v < 0] or [0.0]) or None
    return figures


def printed(text):
    """The number of a cell, and half a unit of its last digit; None for `n/a`."""
    if text in ("n/a", "", "not yet"):
        return None
    number = text.replace(",", "").removesuffix(" %")
    scale = 100.0 if text.endswith(" %") else 1.0
    digits = len(number.partition(".")[2])
    return float(number) / scale, 0.5 * 10.0**-digits / scale


def is_printed(text, value):
    """Whether a cell shows a value, to the last of its digits."""
    shown = printed(text)
    if shown is None or value is None:
        return shown is None and value is None
    return abs(shown[0] - value) <= shown[1] * 1.0001 + 1e-12
