"""Prices from the user's own text files."""

from ._files import Files
from ._text import read_table
from .base import RawTable


class Csv(Files):
    """Comma-separated files, one a symbol, daily or within the day.

    The first line names the columns in any usual spelling, case and order: Date, Datetime, Timestamp, Time, or Date and
    Time; Open, High, Low, Close; Volume and Adj Close if there are any. Others are left out with a note. Dates are ISO
    or M/D/YYYY, alone or with a time and an offset. A date alone closes at 23:59 UTC unless ``data.session_close`` says
    when; a time without an offset needs its zone.

    Examples
    --------
    >>> Csv(files={"AAPL": "prices/aapl.csv"}).names
    ('AAPL',)
    """

    def read(self, symbol: str, content: bytes, where: str) -> RawTable:
        """The table in a file's bytes."""
        return read_table(symbol, content, where, adjust=self.adjust)
