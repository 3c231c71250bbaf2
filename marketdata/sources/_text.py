"""The project's own samples, which are text with commas, to raw tables."""

from marketdata.reading.options import ReadingOptions
from marketdata.reading.text import read_text

from .base import RawTable


def read_table(symbol: str, content: bytes, where: str, *, adjust: bool = False) -> RawTable:
    """The table in a text file whose first line names the columns.

    Parameters
    ----------
    content : the file's bytes.
    where : the file's name, for messages.
    adjust : apply the adjusted closes.

    Raises
    ------
    DataError
        The file is no table; see :func:`marketdata.reading.text.read_text`.
    """
    return read_text(content, f"{symbol} ({where})", where, ReadingOptions(adjust=adjust)).table(symbol, where)
