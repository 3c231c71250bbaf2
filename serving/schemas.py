"""The form of requests and answers: what the service accepts, sends, and shows on its page."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

MOST_BARS = 20_000
MOST_SYMBOLS = 500
MOST_NEWS = 5_000
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True, frozen=True)
Finite = Annotated[float, Field(allow_inf_nan=False)]
Symbol = Annotated[str, Field(min_length=1, max_length=256)]
Time = Annotated[str, Field(max_length=40, examples=["2004-09-10", "2004-09-10T20:00:00Z"])]
State = dict[Annotated[str, Field(max_length=100)], Finite]


class Bar(TypedDict):
    """One bar; `marketdata.validation` checks its values."""

    __pydantic_config__ = STRICT  # type: ignore[misc]

    time: Annotated[
        Time, Field(description="Close of the bar with its UTC offset, or the date of a daily bar's session.")
    ]
    open: Annotated[Finite, Field(description="Price in quote currency, above 0.")]
    high: Annotated[Finite, Field(description="Highest price.")]
    low: Annotated[Finite, Field(description="Lowest price.")]
    close: Annotated[Finite, Field(description="Last price.")]
    volume: Annotated[Finite, Field(description="Units traded, 0 or more.")]


class Body(BaseModel):
    """A part of a request or an answer."""

    model_config = STRICT


class Holding(Body):
    """A position in a symbol at its last close; nothing is held by default."""

    side: Literal[-1, 0, 1] = 0
    """1 long, -1 short, 0 flat."""
    held: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Bars in a row at whose close it was on this side, the last bar included."""
    entry_price: Annotated[float, Field(gt=0)] | None = None
    """Average price of the position."""
    best: Finite | None = None
    """Highest return of the position at any price since its entry, a fraction."""
    worst: Finite | None = None
    """Lowest return of the position since its entry, a fraction."""
    waiting: Literal[-1, 0, 1] = 0
    """Side of an entry that waits for its price; 0 for none."""
    weight: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Part of the risk rule's size at the last decision."""
    last_side: Literal[-1, 0, 1] = 0
    """For `strategy.reenter`: the side whose signal is used up."""
    bars_to_wait: Annotated[int, Field(ge=0, le=10**9)] = 0
    """For `strategy.reenter`: closes without an entry that are left, this one included."""


class Headline(Body):
    """A headline."""

    time: Time
    """When it became known, with its UTC offset; a date is known at the end of that day in the market's zone."""
    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    """The headline."""
    symbol: Symbol | None = None
    """The symbol that it is about; may be left out where the request has one symbol."""


Bars = Annotated[list[Bar], Field(min_length=1, max_length=MOST_BARS, fail_fast=True)]


class SymbolBody(Body):
    """The bars of one of several symbols."""

    bars: Bars
    """Oldest first; the decision is made at the last one."""
    holding: Holding | None = None
    """The position; left out: flat."""
    state: State | None = None
    """Numbers of the rule, as `state` of the last answer; left out: those in the log."""


class SymbolRequest(SymbolBody):
    """A question about one symbol."""

    symbol: Symbol
    """As the bundle names it."""
    news: Annotated[list[Headline], Field(max_length=MOST_NEWS, fail_fast=True)] | None = None
    """Headlines, for bundles with news."""
    account: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Account value in account currency; left out: that of the config."""


class SymbolsRequest(Body):
    """A question about all symbols of a bundle; others may be given for features that read them."""

    symbols: Annotated[dict[Symbol, SymbolBody], Field(min_length=1, max_length=MOST_SYMBOLS)]
    """By symbol."""
    news: Annotated[list[Headline], Field(max_length=MOST_NEWS, fail_fast=True)] | None = None
    """Headlines, for bundles with news."""
    account: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Account value in account currency; left out: that of the config."""


class ModelName(Body):
    """The model that answered."""

    id: str
    """SHA-256 of its bundle's description."""
    trained_until: str
    """The last bar that was known when it was fitted."""


class SymbolAnswer(Body):
    """The answer for one symbol; an unknown number is null."""

    symbol: str
    """As it was asked."""
    as_of: str
    """Close of the last bar: the time of the decision."""
    prediction: float | None
    """Expected return over the label's horizon, a fraction; of a rule: a signed strength. Null: no opinion."""
    confidence: float | None
    """From 0 to 1."""
    interval: tuple[float, float] | None
    """Lower and upper end of the prediction's interval; null where the confidence has none."""
    side: Literal[-1, 0, 1]
    """To be on after the bar: 1 long, -1 short, 0 flat."""
    weight: float
    """Part of the risk rule's size, from 0 to 1."""
    position_value: float | None
    """Money that the risk rule gives the position, account currency."""
    size: float | None
    """The same in units at the last close, in whole lots, signed."""
    close: float
    """The last close, on which the size is based."""
    entry: float | None
    """Price of the entry's order; null for one without a price: at the next open, or the next close."""
    stop: float | None
    """Price of the protective stop; null for none."""
    target: float | None
    """Price of the take-profit order; null for none."""
    reason: str
    """In the strategy's words; empty where nothing is decided."""
    state: dict[str, float] | None
    """Numbers of the rule for the next bar; null for a rule without any."""
    account: float
    """Account value that the sizes are of."""
    model: ModelName
    """The model that answered."""
    warnings: list[str]
    """What makes the decision less certain than those of the backtest."""


class SymbolAnswers(Body):
    """The answers for several symbols."""

    symbols: dict[str, SymbolAnswer]
    """By symbol, in the bundle's order."""


class SwapRequest(Body):
    """Another bundle to serve."""

    bundle: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """Its folder, as the service sees it; left out: the folder that is served, read again."""


class ProblemError(Body):
    """One thing that is wrong."""

    where: str
    """Place in the body, as `bars[3].close`; empty for the whole request."""
    problem: str
    """What is wrong."""
    given: str
    """The value, shortened."""
    remedy: str
    """What to do."""


class ProblemDocument(Body):
    """A problem document of RFC 9457."""

    type: str
    """A URN, equal for equal problems."""
    title: str
    """The phrase of the status."""
    status: int
    """Of HTTP."""
    detail: str
    """All errors in one line."""
    instance: str
    """A URN with the id of the request, which is in the log, too."""
    errors: list[ProblemError]
    """What, given, where, and what to do."""


Plain = dict[str, Any]
