"""The battery: which tests, how hard, and the verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.progress import ProgressCallback, no_progress
from core.types import Market
from engine.config.run_config import RunConfig
from engine.results.fill_checks import execution
from signals.features.base import Feature
from signals.leaks.check_result import Check
from signals.leaks.cut_points import Cut, choose
from signals.leaks.each_bar import each_bar
from signals.leaks.fit_inputs import fit_inputs
from signals.leaks.invariance import perturbation, truncation
from signals.leaks.label_tests import planted, shuffled
from signals.leaks.lookahead_feature import LookaheadFeature
from signals.leaks.warmup import warmup

from .traced_pipeline import Run, Subject
from .trading_tests import random_walks, shifted_and_late


@dataclass(frozen=True)
class Audit:
    """The findings of the battery.

    Attributes
    ----------
    name, config_id : the config.
    full : every test; else the quick ones.
    cuts : where the history was cut.
    checks : the tests, in the order of their numbers.
    """

    name: str
    config_id: str
    full: bool
    cuts: tuple[str, ...]
    checks: tuple[Check, ...]

    @property
    def leaks(self) -> tuple[Check, ...]:
        """The tests that found the future used."""
        return tuple(check for check in self.checks if check.status == "leak")

    @property
    def verdict(self) -> str:
        """The answer in words."""
        tier = "full battery" if self.full else "quick battery"
        if self.leaks:
            return f"LEAK: {', '.join(check.number for check in self.leaks)} failed ({tier})"
        odd = ", ".join(check.number for check in self.checks if check.status == "suspicious")
        return f"no leak found ({tier}{'; look at ' if odd else ''}{odd})"

    def dump(self) -> dict[str, Any]:
        """A plain mapping for JSON."""
        return {
            "name": self.name,
            "config_id": self.config_id,
            "full": self.full,
            "verdict": self.verdict,
            "cuts": list(self.cuts),
            "checks": [check.dump() for check in self.checks],
        }


def audit(
    config: RunConfig,
    market: Market,
    *,
    full: bool = False,
    on_progress: ProgressCallback = no_progress,
    extra: tuple[Feature, ...] = (),
) -> Audit:
    """Try a config.

    Models are made cheap (an epoch, a few trees): a leak is in the plumbing, and the plumbing is the same.

    Parameters
    ----------
    full : every test; else L1, L2 at the most telling cuts, L3, L10, and L11 at some thousand bars.
    extra : features beside the config's own.
    """
    subject = Subject.of(config, market, extra)
    base_run = subject.run(market)
    cuts = _cuts(config, market, base_run)
    checks = sorted(
        _checks(subject, market, base_run, cuts, full, on_progress), key=lambda check: int(check.number[1:])
    )
    return Audit(config.name, config.id, full, tuple(str(cut) for cut in cuts), tuple(checks))


def _cuts(config: RunConfig, market: Market, base_run: Run) -> tuple[Cut, ...]:
    starts = [pd.Timestamp(report.cut) for report in base_run.signals.folds] or [base_run.signals.frame.start]
    horizon = config.label.horizon if config.label else 1
    return choose(market.times, starts, horizon, config.seed, market.news)


def _checks(
    subject: Subject, market: Market, base_run: Run, cuts: tuple[Cut, ...], full: bool, on_progress: ProgressCallback
) -> Iterator[Check]:
    config = subject.config
    base = subject.opened(base_run)
    few = cuts if full else tuple(cut for cut in cuts if cut.telling) or cuts[:3]
    yield fit_inputs(base_run.signals.folds)
    yield execution(base_run.result, market, config.broker)
    yield truncation(subject.trace, market, base, cuts, on_progress)
    yield perturbation(subject.trace, market, base, few, config.seed, on_progress)
    yield each_bar(market, subject.spec, full=full, seed=config.seed, on_progress=on_progress)
    if not full:
        return
    yield shifted_and_late(subject, market, on_progress)
    yield random_walks(subject, market, config.seed, on_progress)
    yield warmup(market, subject.spec, on_progress)
    if subject.spec.model.trains:
        yield shuffled(market, subject.spec.training, config.seed, on_progress)
        yield planted(market, subject.spec.training, config.seed, on_progress)
        yield _oracle(config, market, few, on_progress)
    else:
        for number, title in (("L4", "labels shuffled"), ("L7", "a planted signal"), ("L8", "an oracle")):
            yield Check(number, title, "skipped", 0, "the model does not train")


def _oracle(config: RunConfig, market: Market, cuts: tuple[Cut, ...], on_progress: ProgressCallback) -> Check:
    """L8: the battery's own exam; a feature that knows tomorrow must be caught."""
    title = "an oracle must be caught"
    subject = Subject.of(config, market, extra=(LookaheadFeature(),))
    check = perturbation(subject.trace, market, subject.trace(market), cuts, config.seed, on_progress)
    if check.status == "leak":
        return Check("L8", title, "clean", check.runs, "a feature that knows the next bar's return was caught")
    blind = "a feature that knows the next bar's return was NOT caught: these tests are blind here"
    return Check("L8", title, "leak", check.runs, blind)
