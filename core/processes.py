"""Child processes that do not run the caller's script again."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def without_main() -> Iterator[None]:
    """Processes spawned inside load our modules alone, not the script that was started.

    Python's ``spawn`` imports the main script in each child; a script that starts a run at its top level, without
    ``if __name__ == "__main__":``, would then start one in every child. Nothing that children are handed is defined in
    a main script.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
