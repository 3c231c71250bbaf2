"""Prices from the user's own text files."""

from marketdata.reading.sheet import Sheet
from marketdata.reading.text import read_text

from ._files import Files


class Csv(Files):
    """Text files of cells, as vendors write them: daily or within the day, packed or not.

    The layout is recognised by the header or the first rows: see the family ``layouts``. Columns may have any usual
    name in English, German, Polish, French or Spanish; others are left out with a note. A date alone closes at 23:59
    UTC unless ``data.session_close`` says when; a time without an offset needs its zone.

    Examples
    --------
    >>> Csv(files={"AAPL": "prices/aapl.csv"}).names
    ('AAPL',)
    """

    def read(self, content: bytes, label: str, file: str) -> Sheet:
        """The sheet in a file's bytes."""
        return read_text(content, label, file, self)
