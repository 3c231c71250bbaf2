"""How numbers are written for people: four significant digits, no exponents, `n/a` where there is none."""

import math

NONE = "n/a"


def four(value: float | None) -> str:
    """Four significant digits; None, NaN and infinity are `n/a`.

    >>> four(0.00123456), four(-12.3456), four(1234567.0), four(None)
    ('0.001235', '-12.35', '1,234,567', 'n/a')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) < 1e-12:
        return "0"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def percent(value: float | None) -> str:
    """A fraction as per cent.

    >>> percent(0.0123456)
    '1.235 %'
    """
    return NONE if value is None or not math.isfinite(value) else f"{four(100 * value)} %"


def money(value: float) -> str:
    """An amount in account currency.

    >>> money(10123.456)
    '10,123.46'
    """
    return f"{value:,.2f}"


def shown(value: float | None, unit: str) -> str:
    """A number in its unit; a unit that is not known is written behind it.

    >>> shown(0.5, "fraction"), shown(3.0, "ratio"), shown(12.0, "days")
    ('50.00 %', '3.000', '12.00 days')
    """
    if value is None:
        return NONE
    if unit == "fraction":
        return percent(value)
    if unit == "money":
        return money(value)
    return four(value) if unit in ("", "ratio", "number") else f"{four(value)} {unit}"
