import datetime as dt

import pytest
from pydantic import ValidationError

from core.errors import ConfigError
from core.spec import Level, Rate, Share, Spec, known_keys


class Inner(Spec):
    window: int = 14
    """Bars."""


class Block(Spec):
    base: Share = 0.02
    """A share."""
    fee: Rate = 0.001
    """A rate."""
    level: Level = 0.95
    """A level."""
    count: int = 1
    """A whole number."""
    slip: bool = True
    """A switch."""
    day: dt.date | None = None
    """A day."""
    levels: tuple[float, ...] = ()
    """Several."""
    inner: Inner = Inner()
    """A block."""


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"base": "0.02"}, "valid number"),
        ({"base": True}, "valid number"),
        ({"base": 2}, "must be above 0 and at most 1; for 2 % write 0.02"),
        ({"base": 0}, r"must be above 0 and at most 1 \["),
        ({"base": -0.1}, r"must be above 0 and at most 1 \["),
        ({"base": 250}, r"must be above 0 and at most 1 \["),
        ({"fee": 5}, "must be at least 0 and below 1; for 5 % write 0.05"),
        ({"fee": 1}, r"must be at least 0 and below 1 \["),
        ({"fee": -0.1}, r"must be at least 0 and below 1 \["),
        ({"level": 95}, "between 0.5 and 1, both excluded; for 95 % write 0.95"),
        ({"level": 0.05}, "a level is a confidence: write 0.95 for the worst 0.05"),
        ({"level": 0.5}, r"both excluded \["),
        ({"level": 1}, r"both excluded \["),
        ({"count": 1.5}, "valid integer"),
        ({"count": True}, "valid integer"),
        ({"count": "1"}, "valid integer"),
        ({"slip": 1}, "valid boolean"),
        ({"slip": "yes"}, "valid boolean"),
        ({"day": "2001-02-30"}, "valid date"),
        ({"day": 20010203}, "valid date"),
        ({"levels": [1, float("nan")]}, "finite number"),
        ({"fee": float("inf")}, "finite number|must be at least 0"),
        ({"levels": 0.95}, "valid tuple|valid array"),
        ({"bsae": 0.02}, "Extra inputs are not permitted"),
        ({"inner": {"windw": 3}}, "Extra inputs are not permitted"),
        ({"inner": None}, "should be an object|valid dictionary"),
    ],
)
def test_what_cannot_be_right_cannot_be_built(values, match):
    with pytest.raises(ValidationError, match=match) as caught:
        Block.parse(values)
    assert caught.value.error_count() == 1


def test_bounds_that_are_included():
    assert Block.parse({"base": 1, "fee": 0}).dump() | {"base": 1.0, "fee": 0.0} == Block(base=1.0, fee=0.0).dump()


def test_whole_numbers_are_numbers_and_days_are_texts_or_days():
    block = Block.parse({"levels": [1, 0.5], "day": dt.date(2001, 2, 3)})
    assert block.levels == (1.0, 0.5)
    assert block == Block.parse({"levels": [1, 0.5], "day": "2001-02-03"})


def test_dump_reads_back_with_every_default_written_out():
    block = Block.parse({"day": "2001-02-03", "inner": {"window": 3}})
    assert Block.parse(block.dump()) == block
    assert set(block.dump()) == set(Block.model_fields)


def test_a_value_that_is_not_plain_is_refused():
    with pytest.raises(ConfigError, match=r"plain values under text keys: \{1.0\} is a set"):
        Block.parse({"levels": {1.0}})
    with pytest.raises(ConfigError, match="text keys"):
        Block.parse({(1, 2): 3})


def test_specs_are_immutable():
    with pytest.raises(ValidationError, match="frozen"):
        Block().count = 2


def test_the_schema_has_bounds_and_descriptions():
    properties = Block.model_json_schema()["properties"]
    assert properties["base"]["exclusiveMinimum"] == 0
    assert properties["base"]["maximum"] == 1
    assert properties["fee"]["exclusiveMaximum"] == 1
    assert properties["level"]["exclusiveMinimum"] == 0.5
    assert {field["description"] for field in properties.values()} >= {"A share.", "A rate.", "A block."}


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        (("bsae",), tuple(Block.model_fields)),
        (("inner", "windw"), ("window",)),
        (("levels", 0), ()),
        (("nothing", "windw"), ()),
    ],
)
def test_known_keys_beside_a_wrong_one(path, keys):
    assert known_keys(Block, path) == keys
