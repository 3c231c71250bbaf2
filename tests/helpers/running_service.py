"""A service on a real socket, in a thread of the test or as a process, and questions to it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx

from engine.bundle.lifecycle.served import load_served
from serving.http.app import Application
from serving.http.server import Server, opened_socket
from serving.http.settings import Limits
from serving.http.tokens import Tokens
from serving.prediction_log.log import PredictionLog
from serving.service import Service

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300
"""Seconds; only a service that hangs is waited for so long."""


@contextmanager
def serving(folder, url, *, load=load_served, limits=None, tokens=None, keep_days=None):
    """A service in a thread: its client, its parts, its address."""
    log = PredictionLog.open(url)
    service = Service(load, Path(folder), log, keep_days=keep_days)
    application = Application(service, limits or Limits(), tokens or Tokens())
    listener = opened_socket("127.0.0.1", 0, has_tokens=True)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ready = threading.Event()
    server = Server(application, ready.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        with httpx.Client(base_url=address, timeout=PATIENCE) as client:
            yield SimpleNamespace(
                client=client, address=address, service=service, log=log, server=server, application=application
            )
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
        application.close()
        log.close()
        assert not thread.is_alive()


class Process:
    """``run_backtest.py serve`` as a process."""

    def __init__(self, folder, *words, cwd=None, program=None):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, *(program or [str(ROOT / "run_backtest.py")]), "serve", str(folder), "--port", "0"]
        self.process = subprocess.Popen(
            [*command, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=cwd or ROOT,
        )
        self.lines = []
        self.errors = []
        self._reading = threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)
        self._reading.start()
        self.address = self._address()

    def _address(self):
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("log "):
                return re.search(r"(http://\S+)/predict", "".join(self.lines)).group(1)
        self.process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        raise AssertionError("".join(self.errors))

    def client(self):
        return httpx.Client(base_url=self.address, timeout=PATIENCE)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def records(self):
        """The lines of its log."""
        return [json.loads(line) for line in self.errors]


@contextmanager
def service_process(folder, *words, **options):
    running = Process(folder, *words, **options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop(signal.SIGKILL)


def rows_of(bars):
    """Bars as a request has them; JSON keeps every bit of a float."""
    frame = bars.frame
    return [{"time": time.isoformat(), **row} for time, row in zip(frame.index, frame.to_dict("records"), strict=True)]


def question(market, symbols=None, **more):
    """A question about the symbols of a market, all of them by default."""
    names = list(symbols or market.trade)
    if len(names) == 1:
        return {"symbol": names[0], "bars": rows_of(market.bars[names[0]]), **more}
    return {"symbols": {name: {"bars": rows_of(market.bars[name])} for name in names}, **more}
