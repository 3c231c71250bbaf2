"""Old names of the contracts of measures and sources still work in a user's plug-in, with a warning."""

import numpy as np
import pytest

from marketdata.sources.stocks import Stocks
from risk.measures._running_totals import Totals, estimates
from risk.measures.total_return import TotalReturn

TOTALS = Totals(
    n=10,
    growth=np.array([1.1, 0.9]),
    mean=np.zeros(2),
    squares=np.zeros(2),
    downside=np.zeros(2),
    extreme=np.zeros(2),
    drawdown=np.zeros(2),
    traded=np.zeros(2),
    tails={},
    periods_per_year=252.0,
    risk_free=0.0,
)


def test_a_measure_that_defines_many_is_computed_from_totals():
    with pytest.warns(DeprecationWarning, match=r"Gain\.many is deprecated since 0\.2: use Gain\.from_totals"):

        class Gain(TotalReturn):
            def many(self, totals):
                return estimates(2.0 * totals.growth)

    assert Gain().from_totals(TOTALS).values.tolist() == [2.2, 1.8]


def test_many_of_a_measure_is_its_from_totals():
    measure = TotalReturn()
    with pytest.warns(DeprecationWarning, match=r"TotalReturn\.many is deprecated since 0\.2: use TotalReturn\.from_"):
        values = measure.many(TOTALS).values
    assert values.tolist() == measure.from_totals(TOTALS).values.tolist()


def test_a_source_that_defines_found_reports_its_extent():
    with pytest.warns(DeprecationWarning, match=r"Prices\.found is deprecated since 0\.2: use Prices\.reports_extent"):

        class Prices(Stocks):
            found = True

    assert Prices().reports_extent
    assert not Stocks().reports_extent
