"""Words of other tools are answered with the key that stands for them here."""

import re
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.spec import known_keys
from engine.config.foreign_words import FOREIGN_WORDS
from engine.config.run_config import RunConfig
from engine.sweep.load_config import load

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("override", "answer"),
    [
        ("start_date=2001-01-01", "start_date: unknown key; here it is `data.start`"),
        ("data.start_date=2001-01-01", "here it is `data.start`"),
        ("capital=5000", "here it is `broker.cash`"),
        ("fees=0.001", "here it is `broker.commission`"),
        ("timeframe=1d", "the bar size of the files under `data.source`"),
        ("stop_loss=0.03", "here it is `risk.stop`, a mapping such as {kind: percent, value: 0.03}"),
        ("take_profit=0.1", "here it is `risk.take_profit`"),
        ("leverage=2", "`risk.limits.gross`"),
        ("model.kind=LightGBM", "did you mean 'lightgbm'?"),
        ("strategy.kind=sma_cross", "'sma_cross' is of the family models, not this one"),
        ("features=[{kind: SMA}]", "did you mean 'sma'?"),
        ("risk.stop=0.03", "must be a mapping; write {kind: percent, value: 0.03}; given 0.03"),
        (
            "strategy.entry_order={kind: limit, offset: 0.005}",
            "must be a mapping; write {kind: percent, value: 0.005}; given 0.005",
        ),
        ("risk.take_profit=5", "must be a mapping; write {kind: percent, value: 0.05}; given 5"),
    ],
)
def test_a_word_of_another_tool(override, answer):
    with pytest.raises(ConfigError, match=re.escape(answer)):
        load(ROOT / "configs" / "sma_cross.yaml", [override])


def test_every_key_that_is_named_exists():
    named = {key for text in FOREIGN_WORDS.values() for key in re.findall(r"`([a-z_.]+)`", text)}
    for key in named:
        path = key.split(".")
        assert path[-1] in known_keys(RunConfig, path), key
