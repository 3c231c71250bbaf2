"""The data that a bundle is asked about: those of its config, of another config, or a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.errors import ConfigError
from engine.config.run_config import explain_block
from engine.config.yaml_layers import layer_from_mapping, override
from engine.sweep.load_config import load
from marketdata.data_spec import DataSpec
from marketdata.doctor.diagnosis import KINDS

from .bundle import Bundle

CONFIGS = (".yaml", ".yml")


def data_block(bundle: Bundle, paths: Sequence[Path], overrides: Sequence[str]) -> DataSpec:
    """The data block to read.

    Parameters
    ----------
    paths : a config, whose block is read; or data files, one for each symbol of the bundle, in its order; none for the
        block of the bundle's config.
    overrides : ``data.key=value`` texts.

    Raises
    ------
    ConfigError
        The block is not acceptable.
    """
    if len(paths) == 1 and paths[0].suffix.lower() in CONFIGS:
        return load(paths[0], overrides).data
    values: dict[str, Any] = {"data": _without_end(bundle.contents.config["data"])}
    if paths:
        values["data"] |= {"source": _files(bundle, paths), "trade": None, "benchmark": None}
        values["data"]["session_close"] = _session_close(bundle)
    layer = layer_from_mapping(values, "the bundle's config")
    for text in overrides:
        if not text.startswith("data."):
            raise ConfigError(f"{text}: only data.key=value changes a prediction; the rest is the bundle's")
        layer = override(layer, text)
    block = layer.values["data"]
    try:
        return DataSpec.parse(block)
    except ValidationError as error:
        raise ConfigError(explain_block(error, "data", block)) from None


def _session_close(bundle: Bundle) -> str:
    """The close of the bundle's own data, stated: other files' dates are sessions of the same market."""
    session = DataSpec.parse(bundle.contents.config["data"]).session
    return f"{session.time} {session.zone}"


def _without_end(block: dict[str, Any]) -> dict[str, Any]:
    """The block up to the last bar there is: the end of a backtest is no end of its predictions."""
    return {**block, "end": None}


def _files(bundle: Bundle, paths: Sequence[Path]) -> dict[str, Any]:
    symbols = bundle.contents.symbols
    kind = KINDS.get(paths[0].suffix.lower(), "csv")
    if len(paths) == 1 and len(symbols) > 1:
        return {"kind": kind, "file": str(paths[0])}
    if len(paths) != len(symbols):
        raise ConfigError(
            f"the bundle trades {', '.join(symbols)}: give one file for each, in this order; given {len(paths)}"
        )
    return {"kind": kind, "files": {symbol: str(path) for symbol, path in zip(symbols, paths, strict=True)}}
