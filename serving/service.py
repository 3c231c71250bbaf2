"""The service without HTTP: a body in, an answer out, stored before it is given."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd

from core.errors import ConfigError, DataError, StoreError, WorkbenchError
from strategies._held import Held

from .answers import gap_warning, iso, records, sent
from .decisions import Decisions
from .json_logs import event
from .metrics import Metrics
from .model import Loader, Model
from .prediction_log.log import PredictionLog, StateMovedError
from .prediction_log.records import Answer, LoggedState, Stored
from .prediction_log.retention import remove_older
from .problems import Fault, refused, unavailable
from .questions import Question, read_question

log = logging.getLogger(__name__)

TRIES = 20
"""Decisions begun again because another request stored a later state of the rule meanwhile."""
RETRY_SECONDS = 2


@dataclass(frozen=True)
class ServedModel:
    """A model with its number in the log; a request uses one of them from its beginning to its end.

    Attributes
    ----------
    model : loaded and verified.
    number : in the log.
    folder : it was loaded from.
    """

    model: Model
    number: int
    folder: Path


class Service:
    """A model that answers, and its log.

    Attributes
    ----------
    metrics : of everything that it does.
    keep_days : predictions that are older are removed; None: none.
    """

    def __init__(
        self, load: Loader, folder: Path, prediction_log: PredictionLog, *, keep_days: float | None = None
    ) -> None:
        self.metrics = Metrics()
        self.keep_days = keep_days
        self._load = load
        self._log = prediction_log
        self._swapping = Lock()
        self._served = self._open(folder)

    @property
    def served(self) -> ServedModel:
        """The model that answers now."""
        return self._served

    def _open(self, folder: Path) -> ServedModel:
        model = self._load(folder)
        record = model.record
        number = self._log.register(record)
        self.metrics.serves(record.id, record.name, iso(record.trained_until), record.trained_until / 1e9)
        return ServedModel(model, number, folder)

    def swap(self, folder: Path | None = None) -> ServedModel:
        """Serve another bundle, or the same folder read again; requests that were begun keep the old one.

        Raises
        ------
        WorkbenchError
            The bundle is refused, or cannot be registered in the log; the old one goes on serving.
        """
        with self._swapping:
            before = self._served
            try:
                self._served = self._open(folder or before.folder)
            except WorkbenchError as error:
                self.metrics.swaps.labels("refused").inc()
                event(log, "bundle refused", logging.ERROR, folder=str(folder or before.folder), reason=error.line)
                raise
            self.metrics.swaps.labels("done").inc()
            event(log, "bundle swapped", before=before.model.record.id, after=self._served.model.record.id)
            return self._served

    def check(self) -> None:
        """Try to write to the log; errors as of :meth:`PredictionLog.check`."""
        self._log.check()

    def remove_old(self) -> int:
        """Remove predictions beyond the retention; the number of those removed."""
        if self.keep_days is None:
            return 0
        removed = remove_older(self._log, self.keep_days, time.time_ns())
        event(log, "old predictions removed", count=removed, keep_days=self.keep_days)
        return removed

    def predict(self, body: bytes, request: str) -> bytes:
        """The answer to a body, as JSON; when it returns, the answer is durable.

        Parameters
        ----------
        request : id of the request.

        Raises
        ------
        Problem
            The body is not acceptable, or nothing can be stored now.
        """
        served = self._served
        received_at = time.time_ns()
        now = pd.Timestamp(received_at, tz="UTC")
        question = _question(body, served.model, now)
        try:
            for _ in range(TRIES):
                states = self._states(served, question)
                decisions = _decided(served.model, question, states, now)
                answers = records(
                    decisions,
                    question.market.bars,
                    states,
                    has_state=served.model.has_state,
                    inputs=question.inputs,
                    request=request,
                    received_at=received_at,
                )
                stored = self._stored(served, answers)
                if stored is not None:
                    break
            else:
                raise unavailable(
                    "contention", "other requests decide on the same symbols", "repeat the request", RETRY_SECONDS
                )
        except StoreError as error:
            self.metrics.log_errors.inc()
            event(log, "nothing stored", logging.ERROR, request=request, reason=error.line)
            raise unavailable(
                "log", f"the answer cannot be stored: {error.line}", "repeat the request later", RETRY_SECONDS
            ) from error
        self._count(answers, stored, served, request)
        warnings = {symbol: _state_warnings(states[symbol], question, symbol) for symbol in states}
        return sent(answers, stored, served.model.record, warnings, is_single=question.is_single)

    def _states(self, served: ServedModel, question: Question) -> dict[str, LoggedState | None]:
        """By symbol, the state of the log; none for a rule without state, and for symbols whose state was given."""
        if not served.model.has_state:
            return {}
        bars = question.market.bars
        record = served.model.record
        return {
            symbol: self._log.state_before(served.number, record.rule, symbol, int(bars[symbol].times.asi8[-1]))
            for symbol in record.symbols
            if symbol not in question.stated
        }

    def _stored(self, served: ServedModel, answers: list[Answer]) -> list[Stored] | None:
        """The outcome of storing answers; None if the decisions must be made again."""
        try:
            with self.metrics.log_seconds.time():
                return self._log.store(served.number, served.model.record.rule, answers)
        except StateMovedError:
            return None

    def _count(self, answers: list[Answer], stored: list[Stored], served: ServedModel, request: str) -> None:
        for answer, outcome in zip(answers, stored, strict=True):
            (self.metrics.predictions if outcome.is_new else self.metrics.repeated).inc()
            if outcome.difference is not None:
                self.metrics.differing.labels(outcome.difference.kind).inc()
                event(
                    log,
                    "answer differs from the first one",
                    logging.WARNING,
                    request=request,
                    bundle=served.model.record.id,
                    symbol=answer.symbol,
                    as_of=iso(answer.as_of),
                    kind=outcome.difference.kind,
                    same_question=outcome.difference.same_inputs,
                )
        newest = max(answer.as_of for answer in answers)
        self.metrics.age.set((time.time_ns() - newest) / 1e9)


def _question(body: bytes, model: Model, now: pd.Timestamp) -> Question:
    try:
        return read_question(body, model, now)
    except DataError as error:
        raise refused(Fault("", error.line)) from error


def _decided(
    model: Model, question: Question, states: Mapping[str, LoggedState | None], now: pd.Timestamp
) -> Decisions:
    """The decisions of a model; an input that it cannot use is a problem of the request."""
    holding = {symbol: _with_state(held, states.get(symbol)) for symbol, held in question.holding.items()}
    try:
        with np.errstate(all="ignore"):  # absurd prices give infinite features, and an answer without an opinion
            return model.decide(question.market, account=question.account, holding=holding, now=now)
    except (DataError, ConfigError) as error:
        raise refused(Fault("", error.line)) from error


def _with_state(held: Held, state: LoggedState | None) -> Held:
    return held if state is None else replace(held, state=state.state)


def _state_warnings(state: LoggedState | None, question: Question, symbol: str) -> list[str]:
    if state is None:
        return ["the log has no earlier state of the rule: it begins with its start values"]
    warning = gap_warning(state, question.market.bars[symbol])
    return [] if warning is None else [warning]
