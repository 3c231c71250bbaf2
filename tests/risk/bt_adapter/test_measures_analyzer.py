"""Any measure in a plain Cerebro, against the account counted apart."""

import backtrader as bt
import numpy as np
import pytest

from core.errors import ConfigError, DataError
from core.plugins import kinds
from risk.bt_adapter import ReturnMetrics, RiskMeasures
from risk.measure_set import FURTHER
from risk.measures.alpha import alpha
from risk.measures.sqn import Sqn
from risk.measures.value_at_risk import ValueAtRisk

FEE = 0.001


def walk(n, seed):
    closes = 100.0 * np.cumprod(1 + np.random.default_rng(seed).normal(0.0, 0.02, n))
    return [(close * 0.999, close * 1.01, close * 0.98, close) for close in closes]


ROWS = walk(400, 3)
BENCHMARK_ROWS = walk(400, 4)
OPEN, CLOSE = (np.array([row[column] for row in ROWS]) for column in (0, 3))
MARKET = np.array([row[3] for row in BENCHMARK_ROWS])
SCRIPT = {  # decided on these bars, filled at the next open
    0: lambda s: s.buy(size=50),
    99: lambda s: s.sell(size=50),
    149: lambda s: s.sell(size=30),
    249: lambda s: s.buy(size=30),
    299: lambda s: s.buy(size=20),
}
FILLS = {1: 50, 100: -50, 150: -30, 250: 30, 300: 20}
PERCENT = bt.CommissionInfo(commission=FEE, stocklike=True, commtype=bt.CommInfoBase.COMM_PERC, percabs=True)


def account():
    """Values, gross exposure, trading and fees a day, and the trades' results, counted bar by bar."""
    cash = 10_000.0
    size = 0
    rows = []
    for bar in range(len(ROWS)):
        traded = abs(FILLS.get(bar, 0)) * OPEN[bar]
        size += FILLS.get(bar, 0)
        cash -= FILLS.get(bar, 0) * OPEN[bar] + FEE * traded
        rows.append((cash + size * CLOSE[bar], abs(size) * CLOSE[bar], traded, FEE * traded))
    values, gross, traded, fees = np.array(rows).T
    before = np.concatenate([[10_000.0], values[:-1]])
    long = 50 * (OPEN[100] - OPEN[1]) - FEE * 50 * (OPEN[100] + OPEN[1])
    short = 30 * (OPEN[150] - OPEN[250]) - FEE * 30 * (OPEN[150] + OPEN[250])
    return values / before - 1, gross / values, traded / before, fees / before, [long, short]


@pytest.fixture
def run(play):
    def analyse(*datas, **parameters):
        run_result = play(*datas, script=SCRIPT, info=PERCENT, analyzers=[(RiskMeasures, parameters)])
        return run_result.analyzers[0].get_analysis()

    return analyse


def test_the_account_counted_apart(run):
    analysis = run(ROWS, BENCHMARK_ROWS, benchmark="B", risk_free=0.02, periods_per_year=252.0)
    returns, gross, traded, fees, trades = account()
    assert analysis["expectancy"]["value"] == pytest.approx(np.mean(trades), rel=1e-9)
    assert (analysis["win_rate"]["value"], analysis["win_rate"]["n"]) == (np.mean(np.array(trades) > 0), 2)
    assert analysis["average_exposure"]["value"] == pytest.approx(gross.mean(), rel=1e-9)
    assert analysis["turnover"]["value"] == pytest.approx(traded.mean() * 252, rel=1e-9)
    assert analysis["cost_drag"]["value"] == pytest.approx(fees.mean() * 252, rel=1e-9)
    market = np.concatenate([[0.0], MARKET[1:] / MARKET[:-1] - 1])
    assert analysis["alpha"]["value"] == pytest.approx(alpha(returns, market, 252, 0.02).value, rel=1e-6)
    assert analysis["correlation"]["value"] == pytest.approx(np.corrcoef(returns, market)[0, 1], rel=1e-6)
    assert analysis["value_at_risk_95"]["value"] == pytest.approx(np.quantile(returns, 0.05), rel=1e-9)


def test_it_measures_every_kind_unless_it_is_told_which(run):
    assert {name for name in run(ROWS) if name.startswith("information")} == {
        "information_ratio",
        "information_ratio_at_equal_volatility",
    }
    spec = {item.kind for items in FURTHER.values() for item in items}
    assert spec <= set(kinds("risk.measures"))
    analysis = run(ROWS, measures=("sharpe", ValueAtRisk(level=0.9, method="ewma"), Sqn()))
    assert list(analysis) == ["sharpe", "value_at_risk_90_ewma", "sqn"]


def test_without_a_benchmark_there_is_a_reason(run):
    analysis = run(ROWS, measures=["beta", "sharpe"])
    assert analysis["beta"]["reason"] == "needs a benchmark to compare with"
    assert analysis["sharpe"]["reason"] == ""


def test_the_returns_alone_give_what_the_smaller_analyzer_gives(play):
    run_result = play(ROWS, script=SCRIPT, info=PERCENT, analyzers=[(ReturnMetrics, {}), (RiskMeasures, {})])
    metrics, measures = (analyzer.get_analysis() for analyzer in run_result.analyzers)
    assert {"skew", "ulcer_index", "recovery_time", "probabilistic_sharpe"} <= set(metrics)
    assert metrics == {name: measures[name] for name in metrics}


def test_a_contract_counts_with_its_multiplier(play):
    info = bt.CommissionInfo(commission=2.0, mult=5.0, margin=1.0, stocklike=False)
    run_result = play(ROWS, script={0: lambda s: s.buy(size=3)}, info=info, analyzers=[(RiskMeasures, {})])
    analysis = run_result.analyzers[0].get_analysis()
    returns = run_result.analyzers[0].returns
    values = 10_000.0 * np.cumprod(1 + returns)
    gross = np.concatenate([[0.0], 15 * CLOSE[1:]])
    assert analysis["average_exposure"]["value"] == pytest.approx((gross / values).mean(), rel=1e-9)
    assert analysis["turnover"]["value"] == pytest.approx(15 * OPEN[1] / 10_000 / 400 * 365, rel=1e-9)
    assert analysis["cost_drag"]["value"] == pytest.approx(6.0 / 10_000 / 400 * 365, rel=1e-9)


def test_a_ruined_account_has_a_reason(play):
    rows = [(100.0, 101.0, 99.0, 100.0)] * 2 + [(300.0, 301.0, 299.0, 300.0)] * 30
    run_result = play(rows, rows, script={0: lambda s: s.sell(size=90)}, analyzers=[(RiskMeasures, {"benchmark": "B"})])
    answers = run_result.analyzers[0].get_analysis().values()
    assert {answer["reason"] for answer in answers} == {"the account was worth nothing on 2020-01-08"}
    assert {answer["value"] for answer in answers} == {None}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"measures": ("sharp",)},
            r"RiskMeasures: measures: there is no 'sharp' in risk/measures; did you mean 'sharpe'",
        ),
        ({"measures": "sharpe"}, r"measures='sharpe': must be several, such as \('sharpe', 'sqn'\)"),
        ({"measures": (7,)}, "measures: 7 is neither a measure nor the name of one"),
        ({"measures": ("sqn", Sqn())}, "measures: sqn is asked for twice; leave one out"),
        ({"benchmark": "SPY"}, "benchmark='SPY': no feed has that name; there are: A"),
        ({"risk_free": 3}, "RiskMeasures: risk_free=3: .*for 3 % write 0.03"),
        ({"periods_per_year": 0}, "periods_per_year=0: must be `auto` or the number of sessions"),
    ],
)
def test_wrong_parameters_are_refused_before_the_first_bar(run, parameters, message):
    with pytest.raises(ConfigError, match=message):
        run(ROWS, **parameters)


def test_a_benchmark_that_begins_later_is_refused(run):
    late = [None] * 5 + BENCHMARK_ROWS[5:]
    with pytest.raises(DataError, match="benchmark B has no bar by 2020-01-06, the account's first day"):
        run(ROWS, late, benchmark="B")
