"""A task that worker processes of tests run; importable by its name in a child process."""

import logging
import os
import signal
import time
from pathlib import Path

from core.errors import ModelError
from core.progress import Progress


def perform(context, task, on_progress):
    """Do what the task names; the context is a folder."""
    on_progress(Progress("task", 1, 2, str(task)))
    match task:
        case "fail":
            error = ModelError("too few rows")
            error.add_note("member ridge")
            raise error
        case "raise":
            raise ZeroDivisionError("singular")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "die once":
            mark = Path(context) / "died"
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(600)
        case "log":
            logging.getLogger("task").warning("from the worker")
    return f"{task} by {os.getpid()}"
