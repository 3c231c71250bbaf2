"""Prices from the user's own Parquet files."""

import io

import pandas as pd

from core.errors import DataError
from marketdata.reading.frame import flat, sheet_of_frame
from marketdata.reading.sheet import Sheet

from ._files import Files


class Parquet(Files):
    """Parquet files, daily or within the day.

    The columns are those of the csv source, in any usual spelling, case and order; an index that pandas wrote counts as
    columns. Times may be stamps with or without a zone, dates, text, or numbers since 1970.

    Examples
    --------
    >>> Parquet(files={"AAPL": "prices/aapl.parquet"}).names
    ('AAPL',)
    """

    def read(self, content: bytes, label: str, file: str) -> Sheet:
        """The sheet in a file's bytes."""
        return sheet_of_frame(flat(_frame(content, label)), label, file, self)


def _frame(content: bytes, label: str) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pd.DataFrame(pq.read_table(io.BytesIO(content)).to_pandas())
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0].rstrip(".")
        raise DataError(f"{label}: is no Parquet file that can be read: {reason}; write it again") from error
