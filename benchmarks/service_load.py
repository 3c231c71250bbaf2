"""The service under load: latency at a fixed rate, wrong answers, memory, and 200 clients at once.

``python benchmarks/service_load.py [seconds] [answers] [bars] [database]`` trains the quickstart's four models up to
2004, serves the bundle as a process of its own, and asks from this one, over 127.0.0.1:

- ``seconds`` (60) at 50 requests a second, begun at fixed times whatever the answers do; latencies count from these;
- ``answers`` (10,000) as fast as eight connections go, each compared with the bundle's own decision, bit for bit;
- 200 clients that ask at the same moment.

Each question is about a bar of its own with the last ``bars`` (300) bars, so that each answer is a new row of the log:
SQLite in a temporary folder, or the database whose URL is given. Both processes share the machine.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", GOMP_SPINCOUNT="0", OMP_WAIT_POLICY="PASSIVE")

import numpy as np

from core.types import Bars, Market
from engine.bundle.bundle import Bundle
from engine.bundle.read import load_bundle
from engine.bundle.train import train
from engine.sweep.load_config import load

CUT = "2004-06-30"
RATE = 50
CONNECTIONS = 8
CLIENTS = 200
WARM_UP = 300


def body_of(bars: Bars) -> bytes:
    """A question about bars, as a request has it."""
    frame = bars.frame
    rows = [{"time": time.isoformat(), **row} for time, row in zip(frame.index, frame.to_dict("records"), strict=True)]
    return json.dumps({"symbol": bars.symbol, "bars": rows}).encode()


class Connection:
    """One connection that is kept open: a request, its status and its answer. It costs less than a library's client."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)

    async def open(self) -> "Connection":
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(*self._place)
        return self

    async def ask(self, body: bytes) -> tuple[int, bytes]:
        """Send a body; status and answer."""
        head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        received = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(received.split(b"content-length:")[1].split(b"\r\n")[0])
        return int(received[9:12]), await self._reader.readexactly(length)


async def at_a_rate(place: tuple[str, int], bodies: list[bytes]) -> tuple[list[float], Counter[int]]:
    """Latencies in seconds of requests begun at fixed times, and the count of each status."""
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    begin = time.perf_counter() + 0.1

    async def one(number: int, body: bytes) -> None:
        due = begin + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = await Connection(*place).open() if idle.empty() else idle.get_nowait()
        status, _ = await connection.ask(body)
        latencies.append(time.perf_counter() - due)
        statuses[status] += 1
        idle.put_nowait(connection)

    await asyncio.gather(*(one(number, body) for number, body in enumerate(bodies)))
    return latencies, statuses


async def all_of(place: tuple[str, int], bodies: list[bytes], connections: int) -> list[tuple[int, bytes]]:
    """The answers to bodies, asked by some connections as fast as they come."""
    answers: list[tuple[int, bytes]] = [(0, b"")] * len(bodies)
    numbers = iter(range(len(bodies)))

    async def work() -> None:
        connection = await Connection(*place).open()
        for number in numbers:
            answers[number] = await connection.ask(bodies[number])

    await asyncio.gather(*(work() for _ in range(connections)))
    return answers


def memory(process: int) -> float:
    """Resident memory of a process in MB."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def processor_seconds(process: int) -> float:
    """CPU time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_right(answer: bytes, expected: dict[str, float]) -> bool:
    """True if an answer has the numbers of the bundle's decision, bit for bit."""
    values = json.loads(answer)
    return {name: values[name] for name in expected} == expected


def expectation(bundle: Bundle, market: Market) -> dict[str, float]:
    """The numbers of the bundle's own decision."""
    [row] = bundle.decide(market).rows
    return {"prediction": row.prediction, "confidence": row.confidence, "side": row.side, "size": row.units}


def main(seconds: int, count: int, bars: int, database: str, folder: Path) -> None:
    """Print the figures."""
    config = load(Path("configs/quickstart.yaml"), [])
    market = config.data.load()
    train(config, folder / "bundle", cut=CUT)
    bundle = load_bundle(folder / "bundle")
    times = market.times[market.times > bundle.cut]
    markets = [market.until(time).since(market.times[market.times <= time][-bars]) for time in times]
    bodies = [body_of(known.bars["nasdaq"]) for known in markets]
    command = ["run_backtest.py", "serve", str(folder / "bundle"), "--port", "0", "--db", database, "--at-once", "64"]
    with (folder / "log").open("w") as errors:
        service = subprocess.Popen(  # noqa: S603 - the words are ours
            [sys.executable, *command], stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            assert service.stdout is not None
            lines = [service.stdout.readline() for _ in range(3)]
            host, port = lines[1].split()[1].removeprefix("http://").partition("/")[0].split(":")
            place = (host, int(port))
            asyncio.run(all_of(place, bodies[:WARM_UP], CONNECTIONS))
            before = memory(service.pid)
            used = processor_seconds(service.pid)
            latencies, statuses = asyncio.run(at_a_rate(place, (bodies[WARM_UP:] * 9)[: seconds * RATE]))
            low, high = 1e3 * np.quantile(latencies, [0.5, 0.99])
            used = 1e3 * (processor_seconds(service.pid) - used) / max(statuses[200], 1)
            print(f"{RATE} requests/s for {seconds} s, {bars} bars each: p50 {low:.1f} ms, p99 {high:.1f} ms")
            print(f"statuses {dict(statuses)}; CPU time of the service: {used:.1f} ms an answer, everything included")
            expected = [expectation(bundle, known) for known in markets]
            asked = [number % len(bodies) for number in range(count)]
            started = time.perf_counter()
            answers = asyncio.run(all_of(place, [bodies[number] for number in asked], CONNECTIONS))
            took = time.perf_counter() - started
            wrong = sum(
                status != 200 or not is_right(answer, expected[number])
                for (status, answer), number in zip(answers, asked, strict=True)
            )
            print(f"{count:,} answers in {took:.0f} s ({count / took:.0f} a second): {wrong} wrong")
            print(f"memory: {before:.0f} MB after {WARM_UP} answers, {memory(service.pid) - before:+.1f} MB later")
            crowd = Counter(status for status, _ in asyncio.run(all_of(place, bodies[:CLIENTS], CLIENTS)))
            print(f"{CLIENTS} clients at once: {dict(crowd)}")
        finally:
            service.terminate()
            print(f"stopped with exit code {service.wait()}")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:4]]
    with tempfile.TemporaryDirectory() as name:
        url = sys.argv[4] if len(sys.argv) > 4 else f"sqlite:///{Path(name) / 'log.sqlite'}"
        main(*(numbers + [60, 10_000, 300][len(numbers) :]), url, Path(name))
