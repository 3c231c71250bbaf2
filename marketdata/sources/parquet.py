"""Prices from the user's own Parquet files."""

import io

import numpy as np
import pandas as pd

from core.errors import DataError
from marketdata.data_faults import Fault

from ._columns import assemble, recognise
from ._dates import ADVICE, Stamps, parse_dates
from ._files import Files
from .base import RawTable


class Parquet(Files):
    """Parquet files, one a symbol, daily or within the day.

    The columns are those of the csv source, in any usual spelling, case and order; an index of times that pandas wrote
    counts as the date column. Times may be stamps with or without a zone, dates, or text.

    Examples
    --------
    >>> Parquet(files={"AAPL": "prices/aapl.parquet"}).names
    ('AAPL',)
    """

    def read(self, symbol: str, content: bytes, where: str) -> RawTable:
        """The table in a file's bytes."""
        frame = _frame(symbol, content, where)
        names = [str(name) for name in frame.columns]
        roles = recognise(names, self.adjust, "the table")
        if isinstance(roles, Fault):
            raise roles.error(symbol, where)
        columns = [frame.iloc[:, column] for column in range(len(names))]
        stamps = _stamps([columns[column] for column in roles.time_columns])
        if isinstance(stamps, Fault):
            raise stamps.error(symbol, where)
        return assemble(roles, [_cells(column) for column in columns], stamps, where, self.adjust)


def _frame(symbol: str, content: bytes, where: str) -> pd.DataFrame:
    """The file's table with its index, if it has one, as a column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame = pd.DataFrame(pq.read_table(io.BytesIO(content)).to_pandas())
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0].rstrip(".")
        raise DataError(f"{symbol} ({where}): is no Parquet file that can be read: {reason}; write it again") from error
    if isinstance(frame.index, pd.RangeIndex):
        return frame
    name = "Date" if isinstance(frame.index, pd.DatetimeIndex) and frame.index.name is None else frame.index.name
    return frame.reset_index(names="index" if name is None else str(name))


def _cells(column: pd.Series) -> pd.Series:
    """Numbers as they are; everything else, nullable numbers included, cell by cell for the checks."""
    return column if isinstance(column.dtype, np.dtype) else column.astype(object)


def _stamps(columns: list[pd.Series]) -> Stamps | Fault:
    """The stamps in one column, or in a date and a time of day."""
    if len(columns) == 1 and columns[0].dtype.kind == "M":
        return _typed(pd.DatetimeIndex(columns[0]))
    numeric = [column.name for column in columns if column.dtype.kind in "iufb"]
    if numeric:
        return Fault(f"column {numeric[0]} holds numbers, not times", f"store times or dates, or text: {ADVICE}")
    return parse_dates([" ".join(cells) for cells in zip(*map(_texts, columns), strict=True)])


def _typed(index: pd.DatetimeIndex) -> Stamps | Fault:
    rows = np.flatnonzero(index.isna())
    return (
        Fault("the date is missing", "fill it in or remove the row", rows.tolist())
        if rows.size
        else Stamps(index, None)
    )


def _texts(column: pd.Series) -> list[str]:
    """Cells as text; a stamp that is joined with a time of day gives its date alone."""
    if column.dtype.kind == "M":
        return [f"{cell:%Y-%m-%d}" for cell in column]
    return ["" if pd.isna(cell) else str(cell) for cell in column]
