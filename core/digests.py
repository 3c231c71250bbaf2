"""Digests and seeds: SHA-256 over canonical bytes, equal on every machine and in every process.

numpy and pandas are imported where a frame is digested: listing runs needs neither.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces; NaN and infinity are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()


def digest(value: object) -> str:
    """64 hex digits over the canonical JSON of a plain value."""
    return hashlib.sha256(canonical(value)).hexdigest()


def file_digest(path: Path) -> str:
    """64 hex digits over a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest(files: Iterable[Path], root: Path) -> str:
    """One digest over the names (relative to ``root``) and contents of many files, in sorted order."""
    return digest({path.relative_to(root).as_posix(): file_digest(path) for path in sorted(files)})


def frame_digest(frame: "pd.DataFrame") -> str:
    """One digest over a frame's index, column names and values, bit for bit."""
    import pandas as pd

    hasher = hashlib.sha256(canonical([str(column) for column in frame.columns]))
    for values in (frame.index, *(frame[column] for column in frame.columns)):
        hasher.update(_column_bytes(pd.Series(values)))
    return hasher.hexdigest()


def _column_bytes(column: "pd.Series") -> bytes:
    import numpy as np
    import pandas as pd

    if isinstance(column.dtype, pd.DatetimeTZDtype) or column.dtype.kind == "M":
        return bytes(column.dt.as_unit("ns").astype("int64").to_numpy().tobytes())
    if column.dtype.kind in "fiub":
        return np.ascontiguousarray(column.to_numpy()).tobytes()
    return canonical([None if missing else str(item) for item, missing in zip(column, column.isna(), strict=True)])


def seed_of(*parts: object) -> int:
    """A seed (63 bits) that depends on these parts alone, never on the order in which work is done."""
    return int(digest(list(parts))[:16], 16) >> 1
