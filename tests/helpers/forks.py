"""Commands that are killed: each in a process forked from one that has imported everything, a second instead of five.

Run as a script, it is that process: it reads one request a line, forks, and answers with the process's id, or with how
it ended. Imported, it holds what a test needs to ask it.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree", "shutil.copytree")


def serve(warm):
    """Answer requests until there are none."""
    from engine.cli.main import main

    sys.path[0] = str(Path.cwd())
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    assert main(warm) == 0
    logging.getLogger().handlers.clear()  # each command sets up its own
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = start(main, request) if "words" in request else ended(request)
        print(json.dumps(answer), file=answers, flush=True)


def start(main, request):
    """The id of a process that runs a command."""
    if process := os.fork():
        return process
    code = 70
    try:
        for number, name in enumerate((os.devnull, request["out"], request["err"])):
            handle = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, number)
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update(request["environment"])
        exec(request["before"], {"count_events": count_events})  # noqa: S102 - a test's own text
        code = main(request["words"])
    except BaseException:
        traceback.print_exc()
    finally:
        leave(code)
    return None


def leave(code):
    """End as an interpreter does."""
    import multiprocessing.util

    multiprocessing.util._exit_function()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def count_events(root, last, kill):
    """Call ``kill`` at the ``last`` time that a file below ``root`` is opened, made, renamed or removed."""
    seen = 0

    def hook(event, arguments):
        nonlocal seen
        if event in EVENTS and str(arguments[0]).startswith(root):
            seen += 1
            if seen == last:
                kill()

    sys.addaudithook(hook)
    return lambda: seen


def ended(request):
    """The exit code of a process, as ``subprocess`` tells it; None after so many seconds."""
    until = time.monotonic() + request["seconds"]
    while True:
        process, status = os.waitpid(request["process"], os.WNOHANG)
        if process or time.monotonic() > until:
            return os.waitstatus_to_exitcode(status) if process else None
        time.sleep(0.005)


@dataclass
class Running:
    """A command that was started."""

    forks: "Forks"
    process: int
    out: Path
    err: Path

    def wait(self, seconds=240.0):
        """How it ended: exit code, and what it printed on stdout and stderr."""
        code = self.forks.ask({"process": self.process, "seconds": seconds})
        if code is None:
            self.kill()
            self.forks.ask({"process": self.process, "seconds": seconds})
            raise AssertionError(f"not done after {seconds} s: {self.err.read_text()}")
        return Ended(code, self.out.read_text(), self.err.read_text())

    def kill(self, how=signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(self.process, how)

    def family(self):
        """The ids of the processes that it has started and that are still there."""
        return [each for each in session_of(self.process) if each != self.process]


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def lines(self):
        """What was printed on stderr but for progress."""
        return [line for line in self.err.splitlines() if line.strip() and not line.startswith("trials ")]


@dataclass
class Forks:
    """The process that others are forked from, and a folder for what they print."""

    server: subprocess.Popen
    folder: Path
    number: int = field(default=0)

    @classmethod
    def of(cls, project, folder, environment, warm):
        command = [sys.executable, str(Path(__file__).resolve()), *map(str, warm)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        server = subprocess.Popen(command, cwd=project, env=environment, **pipes)
        answer = server.stdout.readline()
        assert answer == "ready\n", answer
        return cls(server, folder)

    def ask(self, request):
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def start(self, words, before="", environment=None):
        """Start a command; ``before`` is run in its process first."""
        self.number += 1
        out, err = (self.folder / f"{self.number}.{name}" for name in ("out", "err"))
        request = {"words": [str(word) for word in words], "before": before, "environment": environment or {}}
        return Running(self, self.ask({**request, "out": str(out), "err": str(err)}), out, err)

    def close(self):
        self.server.stdin.close()
        self.server.stdout.close()
        try:
            self.server.wait(60)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait(60)


def session_of(leader):
    """The ids of the living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(int(path.parent.name))
    return found


if __name__ == "__main__":
    serve(sys.argv[1:])
