"""A file's bytes as UTF-8 text: unpacked, decoded, without a byte order mark."""

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import DataError

MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16"} | {
    codecs.BOM_UTF16_BE: "utf-16"
}
"""Byte order marks but UTF-8's; those of four bytes first, since one begins with one of two."""


@dataclass(frozen=True)
class Text:
    """A file's text.

    Attributes
    ----------
    content : UTF-8 without a mark; lines end in a line feed.
    facts : what was undone, in words: ``gzip``, ``UTF-16``.
    """

    content: bytes
    facts: tuple[str, ...] = ()


def unpacked(content: bytes, label: str) -> tuple[bytes, str]:
    """The bytes of a file, unpacked if they are packed, and the name of the form.

    Raises
    ------
    DataError
        The archive is damaged, or holds no table or more than one.
    """
    for mark, (name, unpack) in _FORMS.items():
        if content.startswith(mark):
            try:
                return unpack(content), name
            except (OSError, EOFError, lzma.LZMAError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
                raise DataError(f"{label}: is {name} but cannot be unpacked: {error}; download it again") from error
            except _ArchiveError as error:
                raise DataError(f"{label}: {error}") from None
    return content, ""


class _ArchiveError(Exception):
    """An archive without a table, or with several."""


def _zip(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [item.filename for item in archive.infolist() if not item.is_dir() and "__MACOSX" not in item.filename]
        tables = [name for name in names if name.lower().endswith((".csv", ".json", ".parquet"))] or names
        if not tables:
            raise _ArchiveError("the zip archive is empty; it must hold one table: download it again")
        if len(tables) > 1:
            found = f"the archive holds {len(tables)} tables ({', '.join(tables[:3])})"
            raise _ArchiveError(f"{found}; unpack it and name one of them")
        return archive.read(tables[0])


def _zstandard(content: bytes) -> bytes:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        return bytes(stream.read())


_FORMS: dict[bytes, tuple[str, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": ("gzip", gzip.decompress),
    b"PK\x03\x04": ("zip", _zip),
    b"PK\x05\x06": ("zip", _zip),  # an archive without a member begins with its end record
    b"\x28\xb5\x2f\xfd": ("zstandard", _zstandard),
    b"\xfd7zXZ\x00": ("xz", lzma.decompress),
    b"BZh": ("bzip2", bz2.decompress),
}


def text_of(content: bytes, label: str, encoding: str | None = None) -> Text:
    """The text in a file's bytes.

    Parameters
    ----------
    label : symbol and file, for messages.
    encoding : as stated; None: that of a byte order mark, or UTF-8.

    Raises
    ------
    DataError
        It cannot be unpacked or decoded, or is no text.
    """
    content, form = unpacked(content, label)
    mark = next((name for mark, name in MARKS.items() if content.startswith(mark)), None)
    name = encoding or mark
    if name and codecs.lookup(name).name != "utf-8":
        content = _transcoded(content, label, name)
    else:
        content = content.removeprefix(codecs.BOM_UTF8)
        _require_utf8(content, label)
    if b"\0" in content:
        raise DataError(f"{label}: the file is binary; it must be text, or state its `encoding`")
    facts = (form, codecs.lookup(name).name.upper() if name and codecs.lookup(name).name != "utf-8" else "")
    return Text(_line_ends(content), tuple(fact for fact in facts if fact))


def _transcoded(content: bytes, label: str, encoding: str) -> bytes:
    try:
        return content.decode(encoding).removeprefix("\ufeff").encode()
    except UnicodeError as error:
        raise DataError(f"{label}: cannot be decoded as {encoding}: {error}; state another `encoding`") from error


def _require_utf8(content: bytes, label: str) -> None:
    if content.isascii():
        return
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{content[error.start]:02x} in line {line} is not UTF-8"
        advice = "save the file as UTF-8 text, or state its `encoding`, for example cp1252 (is it binary?)"
        raise DataError(f"{label}: {problem}; {advice}") from error


def _line_ends(content: bytes) -> bytes:
    """Lines that end in a carriage return alone, as old spreadsheets wrote them, end in a line feed."""
    if b"\r" in content[:65536] and b"\n" not in content:
        return content.replace(b"\r", b"\n")
    return content
