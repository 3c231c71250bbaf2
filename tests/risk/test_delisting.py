"""The end of a symbol: what the config may say, and what it means."""

import pytest
from pydantic import ValidationError

from risk.costs import BrokerSpec
from risk.delisting import delisting_return


@pytest.mark.parametrize(
    ("given", "change"), [("hold", None), ("close_at_last", 0.0), ({"return": -0.3}, -0.3), ({"return": -1}, -1.0)]
)
def test_each_way_is_read_and_written_back(given, change):
    spec = BrokerSpec.parse({"delisting": given})
    assert delisting_return(spec.delisting) == change
    assert BrokerSpec.parse(spec.dump()) == spec


def test_a_position_is_closed_at_its_last_close_unless_something_is_said():
    assert delisting_return(BrokerSpec().delisting) == 0.0


@pytest.mark.parametrize("given", ["sell", {"return": -1.5}, {"return": "-0.3"}, {"returns": -0.3}, {}, -0.3])
def test_what_cannot_be_is_refused(given):
    with pytest.raises(ValidationError):
        BrokerSpec.parse({"delisting": given})
