"""Any feature on bars of a coarser size: ``{kind: sma, window: 10, every: week}``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import GetJsonSchemaHandler, SerializerFunctionWrapHandler, ValidationError, model_serializer
from pydantic.json_schema import JsonSchemaValue

from core.plugins import PluginField, PluginSpec, nested
from core.spec import Spec
from core.types import Market, Matrix
from signals.finished_periods import FinishedPeriods, Period, finished_periods

from .base import Feature

EVERY = "every"
DESCRIPTION = (
    "Compute it on bars of this size, made of finished periods only: day, week, month, quarter, hour, or minutes or "
    "hours that divide a day, as 15min or 4h. Left out: on the bars of the data."
)


class EveryPeriod(Feature):
    """A feature of bars that are made of finished periods; its value stays until the next period is finished.

    Examples
    --------
    >>> from signals.features.sma import Sma
    >>> feature = EveryPeriod(feature=Sma(window=10), every="week")
    >>> feature.names, feature.dump()
    (('sma_10_week',), {'kind': 'sma', 'window': 10, 'every': 'week'})
    """

    feature: Feature
    """The feature that is computed on the coarser bars."""
    every: Period
    """Their size."""

    @property
    def kind(self) -> str:
        """The kind of the feature."""
        return self.feature.kind

    @property
    def news(self) -> bool:  # type: ignore[override]  # of the class in plug-ins, of the feature here
        """True if the feature reads the news."""
        return self.feature.news

    @property
    def warmup(self) -> int:
        """A lower bound: how many rows a period has depends on the market; see :meth:`warmup_in`."""
        return self.feature.warmup + 1

    @property
    def names(self) -> tuple[str, ...]:
        """The feature's names with the period: ``sma_10_week``."""
        return tuple(f"{name}_{self.every}" for name in self.feature.names)

    @property
    def notes(self) -> tuple[str, ...]:
        """The feature's own."""
        return self.feature.notes

    def others(self, market: Market) -> tuple[str, ...]:
        """The feature's own."""
        return self.feature.others(market)

    def inputs(self, market: Market) -> Mapping[str, str]:
        """The feature's own, and the zone, which decides where periods end."""
        return {**self.feature.inputs(market), "zone": market.zone}

    def warmup_in(self, market: Market, symbol: str) -> int:
        """Rows of a symbol before the feature has a value: all of them where it never has one."""
        periods = finished_periods(market.bars[symbol], market.zone, self.every)
        return self._first_row(market, symbol, periods)

    def of(self, market: Market, symbol: str) -> Matrix:
        """The columns of one symbol: at each bar the value of the last period that was finished."""
        needed = dict.fromkeys((symbol, *self.others(market)))
        periods = {name: finished_periods(market.bars[name], market.zone, self.every) for name in needed}
        coarse = replace(market, bars={name: item.bars for name, item in periods.items()})
        coarse_bars = periods[symbol]
        rows = len(market.bars[symbol])
        values = np.full((rows, len(self.names)), np.nan)
        first = self._first_row(market, symbol, coarse_bars)
        if first < rows:
            last = np.searchsorted(coarse_bars.known_row, np.arange(first, rows), side="right") - 1
            values[first:] = self.feature.of(coarse, symbol)[last]
        return values

    def _first_row(self, market: Market, symbol: str, periods: FinishedPeriods) -> int:
        count = self.feature.warmup
        return int(periods.known_row[count]) if len(periods.known_row) > count else len(market.bars[symbol])

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        del handler
        return {**self.feature.dump(), EVERY: self.every}


class _Every(Spec):
    """The key ``every`` alone, for its messages."""

    every: Period


class FeatureField(PluginField):
    """A field that holds a feature, with or without ``every``."""

    def build(self, kind: str, parameters: Mapping[str, Any]) -> PluginSpec:
        """The feature; errors name the parameter's place below the field."""
        every = parameters.get(EVERY)
        feature = super().build(kind, {key: item for key, item in parameters.items() if key != EVERY})
        if every is None or not isinstance(feature, Feature):
            return feature
        try:
            period = _Every.parse({EVERY: every}).every
        except ValidationError as error:
            raise nested(error, _Every) from error
        return EveryPeriod(feature=feature, every=period)

    def _described(self, kind: str, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = super()._described(kind, handler)
        every = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "description": DESCRIPTION}
        return {**schema, "properties": {**schema["properties"], EVERY: every}}


FeatureSpec = Annotated[Feature, FeatureField("signals.features")]
"""A feature in a config."""
