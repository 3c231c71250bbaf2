"""Prices from the user's own JSON files."""

from marketdata.reading.json_text import read_json
from marketdata.reading.sheet import Sheet

from ._files import Files


class Json(Files):
    """JSON files as vendors' web services answer: a list of bars, or bars by date; one object a line as well.

    The list may lie deeper in the answer (``results``, ``Time Series (Daily)``). Columns and dates are read by the
    rules of the csv source.

    Examples
    --------
    >>> Json(files={"AAPL": "prices/aapl.json"}).names
    ('AAPL',)
    """

    def read(self, content: bytes, label: str, file: str) -> Sheet:
        """The sheet in a file's bytes."""
        return read_json(content, label, file, self)
