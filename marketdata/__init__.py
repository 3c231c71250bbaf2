"""Market data: sources of prices, validation, news, and the config's block `data`."""

from core.deprecation import moved_modules

moved_modules(
    {
        "marketdata.sources._base": "marketdata.sources.base",
    },
    since="0.2",
)
