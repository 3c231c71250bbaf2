"""The functions of TA-Lib that can be features, the units of their results, and their memory.

TA-Lib describes the inputs of its functions and how many bars they look back on, but not which results scale with the
price, nor how long a recursive function remembers the first bar. Both are written down here, and
``tests/signals/features/test_talib.py`` checks them for every function by experiment: prices and volumes times a power
of two, histories cut off, histories that begin later.
"""

from collections.abc import Mapping

from ._params import settled

Number = int | float

FORGOTTEN = 1e-10
"""The weight that counts as none: an index that goes to 100 must be within 1e-6, also if the start moved a hundred
times as much as what came after it."""


def _because(reason: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), reason)


RATIOS = _because(
    "does not change with the unit of prices and volumes",
    "ADX ADXR AROON AROONOSC BETA BOP CCI CMF CMO CMOU COPPOCK CORREL CVI DX ER FOSC FRACTAL IMI KDJ MASSI MFI "
    "MINUS_DI NATR PERCENTRANK PLUS_DI PPO PVO ROC ROCP ROCR ROCR100 RSI RVI SMI STOCH STOCHF STOCHRSI TRIX TSI ULTOSC "
    "VHF VORTEX WILLR",
)
"""Functions whose answers do not change with the unit of prices and volumes."""

IN_PRICE = _because(
    "is a price or a difference of prices",
    "AC ACCBANDS ADR AO APO ATR AVGDEV AVGPRICE BBANDS DEMA DONCHIAN DPO EMA ERI HA HMA KC LINEARREG "
    "LINEARREG_INTERCEPT LINEARREG_SLOPE MA MACD MACDEXT MACDFIX MAX MEDPRICE MIDPOINT MIDPRICE MIN MINMAX MINUS_DM "
    "MOM PERCENTILE PLUS_DM QSTICK RMA SMA STDDEV SUM T3 TEMA TRANGE TRIMA TSF TYPPRICE WCLPRICE WMA ZLEMA",
)
"""Functions that answer in quote currency; the feature is the answer by the close."""

PATTERN = "CDL"
"""How the names of candlestick patterns begin; they answer with hundreds, and the feature is a hundredth of that."""

REFUSED: Mapping[str, str] = {
    **_because(
        "each value hangs on every bar since the data begin, which no warm-up mends",
        "AD ADOSC CUMSUM NVI OBV PVI PVT SAR SAREXT SUPERTREND VWAP WAD",
    ),
    **_because(
        "how long it remembers hangs on the prices, without a bound that a warm-up could keep",
        "HT_DCPERIOD HT_DCPHASE HT_PHASOR HT_SINE HT_TRENDLINE HT_TRENDMODE KAMA MAMA",
    ),
    **_because("it answers with row numbers counted from the first bar", "MAXINDEX MININDEX MINMAXINDEX"),
    **_because(
        "it is a function of the price level, which no division by the close makes free of scale",
        "ACOS ASIN ATAN CEIL COS COSH EXP FLOOR LINEARREG_ANGLE LN LOG10 SIN SINH SQRT TAN TANH",
    ),
    **_because("it answers in squared prices; take STDDEV", "VAR"),
    **_because("it scales with the volume", "EFI MARKETFI"),
    **_because("it has no value where there is no volume; the feature volume_zscore has", "RVOL VWMA"),
    **_because("it is arithmetic on two columns, no indicator", "ADD DIV MULT SUB"),
    **_because("it needs a column of periods, which bars do not have", "MAVP"),
}
"""Functions that cannot be features, and why."""

MOVING_AVERAGES = {
    0: (),  # simple
    1: ("ema",),
    2: (),  # weighted
    3: ("ema",) * 2,  # double
    4: ("ema",) * 3,  # triple
    5: (),  # triangular
    8: ("ema",) * 6,  # T3
    9: (),  # Hull
    12: ("ema",),  # without lag
    13: ("wilder",),
}
"""Of each ``matype`` the smoothings that it is made of; those of an adaptive kind, and of none, are not here."""

SMOOTHINGS: Mapping[str, str] = {
    "ADX": "wilder:timeperiod wilder:timeperiod",
    "ADXR": "wilder:timeperiod wilder:timeperiod",
    "APO": "matype:fastperiod matype:slowperiod",
    "ATR": "wilder:timeperiod",
    "BBANDS": "matype:timeperiod",
    "CMO": "wilder:timeperiod",
    "CVI": "ema:timeperiod",
    "DEMA": "ema:timeperiod ema:timeperiod",
    "DX": "wilder:timeperiod",
    "EMA": "ema:timeperiod",
    "ERI": "ema:timeperiod",
    "HA": "ema:3",  # the opening is the mean of the one before and of prices: half of it is new
    "KC": "ema:timeperiod wilder:atrperiod",
    "KDJ": "slowk_matype:slowk_period slowd_matype:slowd_period",
    "MA": "matype:timeperiod",
    "MACD": "ema:fastperiod ema:slowperiod ema:signalperiod",
    "MACDEXT": "fastmatype:fastperiod slowmatype:slowperiod signalmatype:signalperiod",
    "MACDFIX": "ema:26 ema:signalperiod",
    "MASSI": "ema:fastperiod ema:fastperiod",
    "MINUS_DI": "wilder:timeperiod",
    "MINUS_DM": "wilder:timeperiod",
    "NATR": "wilder:timeperiod",
    "PLUS_DI": "wilder:timeperiod",
    "PLUS_DM": "wilder:timeperiod",
    "PPO": "matype:fastperiod matype:slowperiod",
    "PVO": "matype:fastperiod matype:slowperiod",
    "RMA": "wilder:timeperiod",
    "RSI": "wilder:timeperiod",
    "RVI": "wilder:timeperiod",
    "SMI": "ema:fastperiod ema:slowperiod ema:signalperiod",
    "STOCH": "slowk_matype:slowk_period slowd_matype:slowd_period",
    "STOCHF": "fastd_matype:fastd_period",
    "STOCHRSI": "wilder:timeperiod fastd_matype:fastd_period",
    "T3": "ema:timeperiod ema:timeperiod ema:timeperiod ema:timeperiod ema:timeperiod ema:timeperiod",
    "TEMA": "ema:timeperiod ema:timeperiod ema:timeperiod",
    "TRIX": "ema:timeperiod ema:timeperiod ema:timeperiod",
    "TSI": "ema:firstperiod ema:secondperiod",
    "ZLEMA": "ema:timeperiod",
}
"""The exponential smoothings of a function: ``ema`` (newest weight 2 / (period + 1)), ``wilder`` (1 / period) or the
parameter that says which, and the period or the parameter that holds it. What is not here forgets with its window."""


def offered(name: str) -> bool:
    """True where a function of that name, if TA-Lib has it, is a feature."""
    return name in RATIOS or name in IN_PRICE or name.startswith(PATTERN)


def memory(name: str, parameters: Mapping[str, Number]) -> int:
    """Rows, beyond those that the function looks back on, after which it has forgotten where the data began.

    The memories of all smoothings are added up. For smoothings side by side that is more than needed.
    """
    rows = 0
    for item in SMOOTHINGS.get(name, "").split():
        how, _, period = item.partition(":")
        length = float(period) if period.isdigit() else parameters[period]
        smoothings = (how,) if how in {"ema", "wilder"} else MOVING_AVERAGES[int(parameters[how])]
        for smoothing in smoothings:
            rows += settled(2 / (length + 1) if smoothing == "ema" else 1 / length, FORGOTTEN)
    return rows
