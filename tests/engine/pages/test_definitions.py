"""Definitions: one place for each formula."""

import numpy as np

from core.number_format import title
from engine.pages.definitions import definitions
from engine.results.metrics_json import metrics
from risk.measure_set import MeasuresSpec


def test_every_measure_of_the_metrics_is_defined_by_its_own_formula(make_outcome):
    outcome = make_outcome(measures=MeasuresSpec.parse({"intervals": {"reps": 0}}))
    numbers = metrics(outcome)
    defined = {item.key: item for item in definitions(outcome)}
    for name, item in numbers["measures"]["strategy"].items():
        assert (defined[name].term, defined[name].formula) == (title(name), item["formula"])
        assert defined[name].sample == f"{item['period']}, n = {item['n']:,}"
        assert defined[name].words
    for name, item in numbers["exposure"].items():
        assert defined[name].formula == item["formula"]
    for name, formula in numbers["forecasts"]["formulas"].items():
        assert defined[f"forecast_{name}"].formula == formula
    for name in numbers["costs"]:
        assert defined["total_costs" if name == "total" else name].formula == numbers["costs"][name]["formula"]
    assert np.unique([item.key for item in definitions(outcome)]).size == len(defined)
