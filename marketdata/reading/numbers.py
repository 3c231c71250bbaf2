"""Cells of text as numbers, exactly; what is no number stays text for the checks."""

from typing import Any

import numpy as np
import numpy.typing as npt

MISSING = ("", "nan", "na", "n/a", "null", "none")
"""Texts of a number that is not there, in any case."""
NULLS = tuple(dict.fromkeys(form for text in ("NaN", *MISSING) for form in (text, text.upper(), text.title())))
CURRENCY = r"^(-?)\s*(?:[$€£¥]|zł|USD|EUR)\s*|\s*(?:[$€£¥]|zł|USD|EUR)$"
GROUPED = {".": r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$", ",": r"^[+-]?\d{1,3}([. ']\d{3})+(,\d+)?$"}
"""Numbers with separated thousands, by the sign before decimals."""
SUFFIXES = {"K": "e3", "M": "e6", "B": "e9", "T": "e12"}


def numbers(cells: Any, decimal: str, *, amounts: bool = False, missing: tuple[str, ...] = ()) -> npt.NDArray[Any]:
    """A column's numbers.

    Parameters
    ----------
    cells : (T,) an Arrow array of text.
    decimal : the sign before decimals.
    amounts : ``1.23M`` is 1,230,000, as volumes are written.
    missing : further texts that count as 0.

    Returns
    -------
    (T,) float64, each the float nearest to what is written, NaN where nothing is; of objects, floats and texts, if some
    cell is no number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    values = None if decimal == "," else _cast(cells)
    if values is not None and not missing:
        return values
    plain = pc.utf8_trim_whitespace(cells)
    if missing:
        plain = pc.if_else(pc.is_in(plain, pa.array(missing)), "0", plain)
    plain = _plain(plain, decimal, amounts)
    values = _cast(plain)
    return values if values is not None else _one_by_one(cells, plain)


def _plain(texts: Any, decimal: str, amounts: bool) -> Any:
    """Texts in the form of Python's numbers, as far as they are numbers."""
    import pyarrow.compute as pc

    texts = pc.replace_substring_regex(texts, pattern=CURRENCY, replacement=r"\1")
    grouped = pc.match_substring_regex(texts, pattern=GROUPED[decimal])
    without = pc.replace_substring_regex(texts, pattern=r"[,]" if decimal == "." else r"[. ']", replacement="")
    texts = pc.if_else(grouped, without, texts)
    if decimal == ",":
        texts = pc.if_else(
            pc.match_substring(texts, "."), "?", pc.replace_substring(texts, pattern=",", replacement=".")
        )
    for suffix, power in SUFFIXES.items() if amounts else ():
        pattern = rf"^([+-]?[\d.]+) ?[{suffix}{suffix.lower()}]$"
        texts = pc.replace_substring_regex(texts, pattern=pattern, replacement=rf"\1{power}")
    return texts


def _cast(texts: Any) -> npt.NDArray[np.float64] | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return np.asarray(pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowInvalid:
        pass
    try:
        present = pc.if_else(pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(texts)), pa.array(MISSING)), None, texts)
        return np.asarray(pc.cast(present, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowInvalid:
        return None


def _one_by_one(cells: Any, plain: Any) -> npt.NDArray[np.object_]:
    """Numbers where they are some, and the cell's own text where not."""
    values = [_number(text, cell) for text, cell in zip(plain.to_pylist(), cells.to_pylist(), strict=True)]
    if all(isinstance(value, float) for value in values):
        return np.array(values, dtype=np.float64)
    return np.array(values, dtype=object)


def _number(text: str | None, cell: str | None) -> float | str:
    if text is None or text.strip().lower() in MISSING:
        return np.nan
    try:
        return exact_float(text)
    except ValueError:
        return cell or ""


def exact_float(text: object) -> float:
    """A number as files hold them; Python would also read ``1_000`` and the digits of every script."""
    if isinstance(text, str) and ("_" in text or not text.isascii()):
        raise ValueError(text)
    return float(text)  # type: ignore[arg-type]  # what float refuses is a fault
