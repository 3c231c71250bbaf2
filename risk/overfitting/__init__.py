"""Overfitting statistics: deflated Sharpe ratio, PBO, superior predictive ability, effective number of trials."""

from risk.measures._track import Track, expected_maximum
from risk.measures._track_record import minimum_track_record_length, probabilistic_sharpe

from .cscv import BlockSums, Pbo, pbo, pbo_of_blocks
from .sharpe_tests import deflated_sharpe, minimum_backtest_length
from .superior_ability import Spa, against_cash, at_equal_volatility, spa
from .trial_clusters import EffectiveTrials, effective_trials

__all__ = [
    "BlockSums",
    "EffectiveTrials",
    "Pbo",
    "Spa",
    "Track",
    "against_cash",
    "at_equal_volatility",
    "deflated_sharpe",
    "effective_trials",
    "expected_maximum",
    "minimum_backtest_length",
    "minimum_track_record_length",
    "pbo",
    "pbo_of_blocks",
    "probabilistic_sharpe",
    "spa",
]
