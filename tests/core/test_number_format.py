"""Texts of numbers."""

import pytest

from core.number_format import odds


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1 / 3, "1 of 3"),
        (0.5, "1 of 2"),
        (0.05, "1 of 20"),
        (0.0021, "1 of 476"),
        (0.0009, "fewer than 1 of 1,000"),
        (0.51, "5 of 10"),
        (0.94, "9 of 10"),
        (0.999, "more than 9 of 10"),
    ],
)
def test_odds(p, text):
    assert odds(p) == text
