"""The content of ``bundle.json``: the description of a bundle, checked before anything else of it is read."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from core.digests import digest
from core.spec import Spec

FORMAT: Literal["backtrader-ml bundle"] = "backtrader-ml bundle"
VERSION = 1
DESCRIPTION = "bundle.json"
WEIGHTS = "weights.safetensors"
SIGNATURE = "bundle.hmac"
FILES = (DESCRIPTION, WEIGHTS, SIGNATURE)
"""The only names that a bundle may contain."""
LARGEST_DESCRIPTION = 16 * 1024**2
LARGEST_WEIGHTS = 2 * 1024**3
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class FileEntry(Spec):
    """A file beside the description."""

    sha256: Digest
    """Of its bytes."""
    size: Annotated[int, Field(ge=0, le=LARGEST_WEIGHTS)]
    """In bytes."""


class PartEntry(Spec):
    """A fit: the one of all symbols, or a symbol's own."""

    model: dict[str, Any]
    """The facts of the fitted model; its arrays are in the weights."""
    confidence: dict[str, Any]
    """The facts of the fitted confidence."""
    rows: int
    """Training rows."""
    first: str
    """Time of the first training row."""
    last: str
    """Time of the last training row."""


class OutOfSample(Spec):
    """The errors of the walk-forward that judged the config: outcome less prediction, both returns."""

    run: str
    """Name of the run folder."""
    result_digest: str
    """Of its result."""
    rows: int
    """Predictions with a known outcome."""
    mean: float
    """Of the errors."""
    standard_deviation: float
    """Of the errors."""
    quantiles: dict[str, float]
    """Of the errors, by level."""
    mean_absolute: float
    """Of the errors."""


class Contents(Spec):
    """The description of a bundle."""

    format: Literal["backtrader-ml bundle"]
    """The kind of the file."""
    version: Literal[1]
    """Of the format."""
    name: str
    """Of the config."""
    config_id: str
    """Of the config that the backtest had."""
    config: dict[str, Any]
    """Resolved, every default written out."""
    symbols: tuple[str, ...]
    """The traded symbols, in order."""
    features: tuple[str, ...]
    """Names of the features, in the order in which the model sees them; none for a rule."""
    cut: str
    """ISO time of the last bar that was known."""
    valid_for: int | None
    """Bars after the cut for which the backtest would have used these models; null for a rule."""
    parts: dict[str, PartEntry]
    """By symbol; "" for one that serves all symbols."""
    untrained: dict[str, str]
    """By symbol, the reason why it has no model."""
    seed: int
    """Of the config."""
    data: dict[str, str]
    """SHA-256 of the data files, by symbol."""
    code: Digest
    """Digest of the code that makes predictions and decisions; comments and layout do not count."""
    sources: Digest
    """Digest of all source files of the program; if it is the same here, the code is."""
    versions: dict[str, str]
    """Libraries that decide numbers."""
    machine: dict[str, str]
    """On which it was made."""
    git: dict[str, str]
    """Commit and difference of the checkout."""
    out_of_sample: OutOfSample | None
    """Errors of the walk-forward; null if no run was named."""
    promotion: str = ""
    """Why it took the place of another bundle, or another one its place; empty if neither happened."""
    self_test: dict[str, int]
    """By part, the rows of the inputs whose answers the weights contain."""
    files: dict[str, FileEntry]
    """The other files."""
    digest: str
    """SHA-256 of all other keys, as :func:`digest_of` gives it; empty before they are complete."""


def digest_of(values: Mapping[str, Any]) -> str:
    """The digest of a description: of all its keys but ``digest``, whatever the layout of the file."""
    return digest({key: value for key, value in values.items() if key != "digest"})
