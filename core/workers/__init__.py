"""Worker processes: a pool in the parent, and the loop that each worker runs."""

from .pool import Died, Failed, Finished, NotStarted, Outcome, TimedOut, WorkerPool
from .process import Work

__all__ = ["Died", "Failed", "Finished", "NotStarted", "Outcome", "TimedOut", "Work", "WorkerPool"]
