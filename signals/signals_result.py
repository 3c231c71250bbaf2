"""The result of generating signals: the signals, and a report of every fold."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import pandas as pd

from core.types import Matrix, Rows, SignalFrame


@dataclass(frozen=True)
class Span:
    """A block of rows.

    Attributes
    ----------
    first, last : ISO text of the earliest and the latest decision time in it.
    rows : how many rows, over all symbols.
    """

    first: str
    last: str
    rows: int

    @classmethod
    def from_rows(cls, times: pd.DatetimeIndex, rows: Rows) -> Self:
        """The span of some rows (at least one) of a panel whose decision times are ``times``."""
        block = times[rows]
        return cls(block.min().isoformat(), block.max().isoformat(), len(rows))


@dataclass(frozen=True)
class FitInputs:
    """The inputs of one fit: the evidence that it saw nothing of its fold's test window.

    Attributes
    ----------
    rows : how many rows.
    last : ISO text of the latest decision time among them.
    known : ISO text of the time at which the last of their labels became known; empty for a fit without labels.
    """

    rows: int
    last: str
    known: str

    @classmethod
    def from_times(cls, times: pd.DatetimeIndex, known_at: pd.DatetimeIndex | None = None) -> Self:
        """The inputs that are some rows (or none), by their decision times and, for a fit with labels, the labels'."""
        last_known = "" if known_at is None or not len(known_at) else known_at.max().isoformat()
        return cls(len(times), times.max().isoformat() if len(times) else "", last_known)


@dataclass(frozen=True)
class FoldDiagnostics:
    """The results of a fold's fits; JSON-able.

    Attributes
    ----------
    members : by model name, the details of its training (epochs, losses). With one model a symbol, by symbol and name,
        and for a symbol that had too few rows ``untrained`` with the reason.
    calibrator : :meth:`signals.confidence.base.Calibrator.dump`; with one model a symbol, that by symbol.
    seen : by fit (scaler, model, stop, weights, confidence), its inputs; with one model a symbol, by symbol and fit.
    scaler : ``center`` and ``scale`` by feature; with one model a symbol, those by symbol.
    weights : by an ensemble's member, its part in the prediction; with one model a symbol, by symbol and member.
    importance : by ``model`` and by member, the importance of each feature; see
        :mod:`signals.evaluation.permutation_importance`. With one model a symbol, by symbol and member.
    constant : features that do not vary in the training rows; with one model a symbol, each behind its symbol.
    """

    members: Mapping[str, Mapping[str, Any]]
    calibrator: Mapping[str, Any]
    seen: Mapping[str, FitInputs] = field(default_factory=dict)
    scaler: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    importance: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    constant: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoldReport:
    """The training blocks of one fold, and the diagnostics of its fits; JSON-able.

    Attributes
    ----------
    number : 0, 1, ...
    cut : ISO text of the first test decision time.
    train, stop, calibration, test : the fold's blocks.
    train_mean : mean label of the full training window (the train, stop and calibration rows): all that is known at
        the cut. It is the baseline ``expanding_mean`` of the evaluation.
    up_share : share of labels above 0 in the same rows.
    diagnostics : the results of the fits; :meth:`dump` writes them beside the other fields.
    """

    number: int
    cut: str
    train: Span
    stop: Span
    calibration: Span
    test: Span
    train_mean: float
    up_share: float
    diagnostics: FoldDiagnostics

    @property
    def untrained(self) -> dict[str, str]:
        """The symbols that had no model of their own and so no prediction, each with the reason."""
        members = self.diagnostics.members
        return {name: details["untrained"] for name, details in members.items() if "untrained" in details}

    def dump(self) -> dict[str, Any]:
        """The plain mapping that :meth:`from_dump` reads back; the keys within a field are sorted."""
        values = asdict(self)
        diagnostics = values.pop("diagnostics")
        return {name: _sorted(value) for name, value in (values | diagnostics).items()}

    @classmethod
    def from_dump(cls, values: Mapping[str, Any]) -> Self:
        """A report from a mapping that :meth:`dump` wrote, also after a round trip through JSON."""
        return cls(
            number=values["number"],
            cut=values["cut"],
            train=Span(**values["train"]),
            stop=Span(**values["stop"]),
            calibration=Span(**values["calibration"]),
            test=Span(**values["test"]),
            train_mean=values["train_mean"],
            up_share=values["up_share"],
            diagnostics=FoldDiagnostics(
                members=values["members"],
                calibrator=values["calibrator"],
                seen={name: FitInputs(**inputs) for name, inputs in values.get("seen", {}).items()},
                scaler=values.get("scaler", {}),
                weights=values.get("weights", {}),
                importance=values.get("importance", {}),
                constant=tuple(values.get("constant", ())),
            ),
        )


def _sorted(value: Any) -> Any:
    """A plain value with the keys of its mappings in order: equal reports are then equal bytes."""
    return {key: _sorted(value[key]) for key in sorted(value)} if isinstance(value, dict) else value


@dataclass(frozen=True, eq=False)
class Signals:
    """Signals with their origin.

    Attributes
    ----------
    frame : predictions and confidences, on which the strategy trades.
    folds : one report a fold, in order; none for a model that does not train.
    p_up : (T, N) probability that the label is above 0; NaN where there is no prediction, and throughout where the
        confidence is no probability (a constant, or a model that does not train).
    half_width : (T, N) half of the width of the interval around the prediction, in the label's returns; NaN where there
        is none.
    parts : by an ensemble's member, (T, N) its own predictions.
    """

    frame: SignalFrame
    folds: tuple[FoldReport, ...]
    p_up: Matrix
    half_width: Matrix
    parts: Mapping[str, Matrix] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each symbol that had to do without a model in some folds, and for each constant feature."""
        return (*self._untrained_notes(), *self._constant_notes())

    def _untrained_notes(self) -> Iterator[str]:
        without: dict[str, list[FoldReport]] = {}
        for report in self.folds:
            for symbol in report.untrained:
                without.setdefault(symbol, []).append(report)
        for symbol, reports in without.items():
            last = reports[-1]
            yield (
                f"{symbol}: no model of its own, so no prediction, in {len(reports)} of {len(self.folds)} folds; in "
                f"fold {last.number}, cut {last.cut[:10]}, it had {last.untrained[symbol]}"
            )

    def _constant_notes(self) -> Iterator[str]:
        still: dict[str, list[int]] = {}
        for report in self.folds:
            for feature in report.diagnostics.constant:
                still.setdefault(feature, []).append(report.number)
        for feature, numbers in still.items():
            yield (
                f"feature {feature} does not vary in the training rows of {len(numbers)} of {len(self.folds)} folds, "
                f"the first of them fold {numbers[0]}: nothing can be learnt from it there"
            )
