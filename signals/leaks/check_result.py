"""The result of one test of the battery."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from .pipeline_trace import Moved

Status: TypeAlias = Literal["clean", "leak", "suspicious", "skipped"]


@dataclass(frozen=True)
class Check:
    """The outcome of one test.

    Attributes
    ----------
    number : L1 to L11.
    title : what it does.
    status : `clean`; `leak`, the future was used; `suspicious`, worth a look but no proof; `skipped`, with the reason.
    runs : how many times the pipeline, or a model, was run for it.
    detail : what was found, in a sentence.
    moved : for tests that compare, the first thing that moved.
    """

    number: str
    title: str
    status: Status
    runs: int
    detail: str
    moved: Moved | None = None

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return asdict(self)
