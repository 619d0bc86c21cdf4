"""The encoding of a text file, from its first bytes and from whether all of it is UTF-8."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

CHUNK_BYTES = 2**20
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
UNDEFINED_IN_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")


@dataclass(frozen=True)
class TextEncoding:
    """How to decode a file, and a note for a person, if any."""

    name: str
    note: str = ""


def detect_encoding(file: BinaryIO) -> TextEncoding:
    """Detect UTF-8, UTF-16 and UTF-32, and fall back to cp1252 or Latin-1.

    A file that is UTF-8 but for fewer bytes than it has right letters stays UTF-8. Its broken bytes become surrogates
    (`errors="surrogateescape"`). The file's position moves.
    """
    head = file.read(CHUNK_BYTES)
    for mark, name in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return TextEncoding(name, "" if name == "utf-8-sig" else f"read as {name.upper()}")
    if name := _guess_utf16(head):
        return TextEncoding(name, f"read as {name.upper()}: it has no byte order mark")
    return _detect_without_mark(head, file)


def _guess_utf16(head: bytes) -> str:
    """Return the UTF-16 whose zero bytes the head has: Latin letters have one each."""
    sample = head[:1000]
    if len(sample) < 4 or b"\0" not in sample:
        return ""
    even = sample[0::2].count(0)
    odd = sample[1::2].count(0)
    if max(even, odd) < len(sample) * 0.2:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _detect_without_mark(head: bytes, file: BinaryIO) -> TextEncoding:
    letters = 0
    broken_bytes = 0
    others: set[int] = set()
    for text in _decode_chunks(head, file):
        if text.isascii():
            continue
        surrogates = [ord(letter) - 0xDC00 for letter in text if "\udc80" <= letter <= "\udcff"]
        letters += sum(letter > "\x7f" for letter in text) - len(surrogates)
        broken_bytes += len(surrogates)
        others.update(surrogates)
    if not broken_bytes:
        return TextEncoding("utf-8")
    if letters > broken_bytes:
        return TextEncoding("utf-8", f"{broken_bytes} bytes are not UTF-8: their rows are set aside")
    name = "latin-1" if others & UNDEFINED_IN_CP1252 else "cp1252"
    return TextEncoding(name, f"not UTF-8: read as {name} (Western European); if letters look wrong, save it as UTF-8")


def _decode_chunks(head: bytes, file: BinaryIO) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    chunk = head
    while chunk:
        yield decoder.decode(chunk)
        chunk = file.read(CHUNK_BYTES)
    yield decoder.decode(b"", final=True)
