"""From a config to a bundle in memory: fit at a cut, describe what was fitted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, StoreError
from core.progress import ProgressCallback, no_progress
from core.types import Market
from engine.config.run_config import RunConfig
from engine.run_folder.manifest import code_digest, git_state
from signals.cache.code_digest import Code, code_of, modules_of
from signals.cache.library_versions import library_versions, machine
from signals.folds.fit_at_cut import ALL, CutFit, CutPart, fit_at_cut
from signals.folds.walk_forward import training_rows
from signals.models.base import RuleModel, TrainedModel
from signals.stored import Stored, nested, stored_fields
from strategies._own_class import OwnClass

from .contents import FORMAT, Contents, PartEntry
from .out_of_sample import out_of_sample
from .reference import reference_arrays, reference_of_run
from .trained import Part, Rules, SelfTest, cut_of, self_test_of, self_test_of_rule

MAKERS = ("signals.folds.fit_fold", "signals.panel", "engine.bundle.decide")
"""The modules that make predictions and decisions; what they import takes part."""


@dataclass(frozen=True, eq=False)
class Built:
    """A bundle that is not written yet.

    Attributes
    ----------
    contents : the description, without the files.
    arrays : of the weights, by name.
    rules, parts : as :class:`engine.bundle.bundle.Bundle` has them.
    """

    contents: Contents
    arrays: Mapping[str, npt.NDArray[Any]]
    rules: Rules
    parts: Mapping[str, Part]


def build(
    config: RunConfig,
    market: Market,
    *,
    cut: str = "",
    run: Path | None = None,
    on_progress: ProgressCallback = no_progress,
) -> Built:
    """Fit a config's model on what was known at a cut.

    Parameters
    ----------
    market : all bars; those after the cut are not used.
    cut : a date, whose session is the last one, or an ISO time; empty: the last bar.
    run : the folder of a run of the same config, for the errors of its walk-forward and for the monitor.

    Raises
    ------
    ConfigError
        The cut is none, the data are too short, or the run is one of another config.
    ModelError
        A fit failed, or the model cannot be kept.
    """
    past_market = market.until(cut_of(market, cut))
    rules = Rules.of(config)
    errors = out_of_sample(run, config) if run else None
    fit = None if isinstance(config.model, RuleModel) else fit_at_cut(past_market, config.signals.training, on_progress)
    parts = {} if fit is None else {symbol: Part(part.fitted, part.train) for symbol, part in fit.parts.items()}
    tests = _self_tests(past_market, rules, fit)
    code = code_of_rules(rules)
    contents = Contents(
        format=FORMAT,
        version=1,
        name=config.name,
        config_id=config.id,
        config=config.dump(),
        symbols=market.trade,
        features=() if fit is None else fit.panel.names,
        cut=past_market.times[-1].isoformat(),
        valid_for=config.walk_forward.test if config.walk_forward else None,
        parts={} if fit is None else {symbol: _entry(part, rules, fit, symbol) for symbol, part in fit.parts.items()},
        untrained={} if fit is None else dict(fit.untrained),
        seed=config.seed,
        data=config.data.digests(),
        code=code.digest,
        sources=code_digest(),
        versions=library_versions(code.libraries),
        machine=machine(),
        git=git_state(),
        out_of_sample=errors,
        self_test={name: len(next(iter(test.inputs.values()))) for name, test in tests.items()},
        files={},
        digest="",
    )
    reference = reference_of_run(run, config, past_market) if run else None
    arrays = _arrays(rules, fit, tests) | ({} if reference is None else reference_arrays(reference))
    return Built(contents, arrays, rules, parts)


def code_of_rules(rules: Rules) -> Code:
    """The code that makes predictions and decisions."""
    return code_of({*MAKERS, *modules_of((rules.signals, rules.strategy, rules.risk, rules.broker))})


def _self_tests(market: Market, rules: Rules, fit: CutFit | None) -> dict[str, SelfTest]:
    if fit is None:
        return {ALL: self_test_of_rule(market, cast(RuleModel, rules.signals.model))}  # only a rule is not fitted
    return {symbol: self_test_of(part.panel, rules, part.fitted) for symbol, part in fit.parts.items()}


def _model(rules: Rules) -> TrainedModel:
    return rules.signals.training.model


def _stored(part: CutPart, rules: Rules) -> dict[str, Stored]:
    confidence = rules.signals.training.confidence
    return {
        "model": _model(rules).store(part.fitted.fitted),
        "confidence": confidence.store(part.fitted.calibrator),
        "scaler": stored_fields(part.fitted.scaler),
    }


def _entry(part: CutPart, rules: Rules, fit: CutFit, symbol: str) -> PartEntry:
    stored = _stored(part, rules)
    used = fit.panel.times[training_rows(fit.fold)]
    times = used if symbol == ALL else part.panel.times
    return PartEntry(
        model=_plain(stored["model"].facts, symbol),
        confidence=_plain(stored["confidence"].facts, symbol),
        rows=part.fitted.seen["model"].rows,
        first=times.min().isoformat(),
        last=times.max().isoformat(),
    )


def _plain(facts: Mapping[str, Any], symbol: str) -> dict[str, Any]:
    """The facts as JSON knows them."""
    try:
        return dict(json.loads(json.dumps(dict(facts), allow_nan=False)))
    except (TypeError, ValueError) as error:
        owner = f" of {symbol}" if symbol else ""
        raise StoreError(f"the model{owner} has facts that JSON cannot hold: {error}") from error


def _arrays(rules: Rules, fit: CutFit | None, tests: Mapping[str, SelfTest]) -> dict[str, npt.NDArray[Any]]:
    """All arrays of the bundle by ``part|what.name``."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for symbol, part in ({} if fit is None else fit.parts).items():
        stored = nested(_stored(part, rules))
        arrays |= {f"{symbol}|{name}": array for name, array in stored.arrays.items()}
        arrays[f"{symbol}|ranges"] = part.train
    for symbol, test in tests.items():
        arrays |= {f"{symbol}|test_input.{name}": array for name, array in test.inputs.items()}
        arrays |= {f"{symbol}|test_answer.{name}": array for name, array in test.answers.items()}
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def require_single(config: RunConfig) -> None:
    """Refuse a config that makes many runs, or whose strategy is no rule."""
    if config.sweep is not None:
        raise ConfigError(f"{config.name}: has a `sweep:` block, which makes many runs; train one of its winners")
    if isinstance(config.strategy, OwnClass):
        raise ConfigError(
            f"{config.name}: strategy.file: a bundle holds a rule, and {config.strategy.kind} is a backtrader class; "
            "name a strategy by its kind"
        )
