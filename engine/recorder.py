"""From a Cerebro run of any strategy to a run folder: an analyzer that records, measures and writes the pages."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from core.types import RunResult
from engine.backtest.bt.recorder import AccountRecorder
from engine.backtest.recording import Recording
from engine.pages.tearsheet.write import background
from engine.results.outcome import Outcome, recorded_outcome
from engine.results.recorded_run import build_recorded
from engine.run_folder.run_folder import ensure_writable
from engine.run_folder.run_log import recorded

from .api import measured_result
from .pipeline import Origin, Stopwatch, write_folder

NO_SHEET = "RunRecorder was given tearsheet=False"


class RunRecorder(AccountRecorder):
    """A run folder from any Cerebro: ``cerebro.addanalyzer(RunRecorder, _name="run", out="runs", name="my-cross")``.

    At the end of the run it measures the account as a run of a config is measured: measures with intervals, VaR
    backtest, audit of orders and fills, verdict against the benchmark. With ``out`` it writes the run folder with
    report and tear-sheet, which :func:`engine.load_run` reads. The run counts in the ledger of settings tried.

    The account is recorded from the first bar on, as by backtrader's own analyzers. Times of the tables are the feeds'
    times, taken as closes, in UTC.

    Parameters
    ----------
    out : where the run folder goes; None, the default, writes nothing.
    tearsheet : write ``tearsheet.html``, too.
    name, benchmark, cap, zone, utc, measures, seed : see :class:`~engine.backtest.bt.recorder.AccountRecorder`.

    Attributes
    ----------
    result : the :class:`~core.types.RunResult`, once the Cerebro has run: ``result.daily`` are its returns, and
        ``result.to_quantstats()`` gives them as quantstats and pyfolio take them.
    folder : the run folder; None without ``out``.

    Raises
    ------
    WorkbenchError
        Before the first bar, parameters that cannot be; at the end, a run that cannot be measured, or a folder that
        cannot be written. One line.
    """

    params: tuple[tuple[str, Any], ...] = (("out", None), ("tearsheet", True))

    result: RunResult
    folder: Path | None

    def start(self) -> None:
        """Begin with no records; find out whether a folder can be written."""
        super().start()
        self.folder = None
        if self.p.out is not None:
            ensure_writable(Path(self.p.out))

    def finish(self, recording: Recording) -> None:
        """Measure the recorded run, and write its folder."""
        with recorded() as lines:
            outcome = recorded_outcome(build_recorded(recording))
            if self.p.out is not None:
                self.folder = self._write(outcome, recording, lines)
        sources = {name: item["source"] for name, item in recording.plugins.items()}
        self.result = measured_result(outcome, sources)

    def _write(self, outcome: Outcome, recording: Recording, lines: list[str]) -> Path:
        feeds = recording.config.cerebro["feeds"]
        origin = Origin({symbol: feed["sha256"] for symbol, feed in feeds.items()}, recording.plugins, NO_SHEET)
        with background() if self.p.tearsheet else nullcontext() as submit:
            return write_folder(outcome, origin, Path(self.p.out), submit, Stopwatch(), lines).folder

    def get_analysis(self) -> dict[str, Any]:
        """``config_id``, ``folder``, ``verdict`` (its headline) and ``measures``: the strategy's values by name."""
        measures = self.result.metrics["measures"]["strategy"]
        return {
            "config_id": self.result.config_id,
            "folder": str(self.folder or ""),
            "verdict": self.result.metrics["verdict"]["headline"],
            "measures": {name: item["value"] for name, item in measures.items()},
        }
