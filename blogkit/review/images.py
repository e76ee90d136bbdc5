"""What pictures carry beside their pixels, and the same pictures without it: losslessly, byte by byte."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_NOTES = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"dSIG"}
_WEBP_NOTES = {b"EXIF", b"XMP "}
_SVG_NOTES = (
    re.compile(rb"<!--.*?-->", re.S),
    re.compile(rb"<(?:\w+:)?metadata\b.*?(?:</(?:\w+:)?metadata>|/>)", re.S),
    re.compile(rb"<(sodipodi|inkscape):[\w-]+\b.*?(?:/>|</\1:[\w-]+>)", re.S),
    re.compile(rb"\s(?:sodipodi|inkscape):[\w-]+=(?:\"[^\"]*\"|'[^']*')"),
)


@dataclass(frozen=True, kw_only=True)
class Stripped:
    """A picture without its notes."""

    data: bytes
    notes: tuple[str, ...]
    """What was taken out, one short text each: ``EXIF: Canon, Ada Lovelace``."""


def strip(data: bytes) -> Stripped:
    """The same pixels without the notes that nobody sees. What is no known picture comes back as it is."""
    if data.startswith(_PNG):
        return _strip_png(data)
    if data.startswith(b"\xff\xd8"):
        return _strip_jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _strip_webp(data)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return _strip_gif(data)
    if b"<svg" in data[:4000]:
        return _strip_svg(data)
    return Stripped(data=data, notes=())


def _readable_words(data: bytes) -> str:
    """The words in some bytes, for the report."""
    words = re.findall(rb"[\x20-\x7e\xc2-\xf4\x80-\xbf]{4,}", data)
    return b", ".join(words[:12]).decode("utf-8", "replace")[:200]


def _strip_png(data: bytes) -> Stripped:
    kept, notes, place = [_PNG], [], len(_PNG)
    while place + 12 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        chunk = data[place : place + 12 + length]
        place += 12 + length
        if kind in _PNG_NOTES:
            if kind in (b"zTXt", b"iTXt"):
                body = _inflated_text(body)
            if kind != b"tIME":
                notes.append(f"PNG {kind.decode()}: {_readable_words(body.replace(bytes(1), b' = '))}")
            continue
        kept.append(chunk)
        if kind == b"IEND":
            break  # what follows the end of the picture is no picture
    return Stripped(data=b"".join(kept), notes=tuple(notes))


def _inflated_text(body: bytes) -> bytes:
    """The text of a compressed chunk behind its keyword; the bytes themselves where it is not compressed."""
    for place in range(min(len(body), 200)):
        if body[place : place + 1] == b"\x78":
            try:
                return body[:place] + b" " + zlib.decompressobj().decompress(body[place:], 10_000)
            except zlib.error:
                continue
    return body


_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends a scan of a JPEG picture: any marker but those that stand inside one."""


def _strip_jpeg(data: bytes) -> Stripped:
    kept, notes, place = [data[:2]], [], 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xD9:  # the end: what follows (a second picture, a film, with notes of their own) is not shown
            notes.append(f"JPEG, behind the picture: {_readable_words(data[place + 2 :])}")
            return Stripped(data=b"".join([*kept, data[place : place + 2]]), notes=tuple(notes))
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        segment = data[place : place + 2 + length]
        place += 2 + length
        body = segment[4:]
        is_note = marker == 0xFE or (0xE1 <= marker <= 0xEF and marker != 0xEE and not body.startswith(b"ICC_PROFILE"))
        if is_note:
            name = "EXIF" if body.startswith(b"Exif") else "comment" if marker == 0xFE else "metadata"
            notes.append(f"JPEG {name}: {_readable_words(body)}")
        else:
            kept.append(segment)
        if marker == 0xDA:  # a scan of the picture itself, up to the next marker
            end = _JPEG_MARKER.search(data, place)
            kept.append(data[place : end.start() if end else len(data)])
            place = end.start() if end else len(data)
    kept.append(data[place:])
    return Stripped(data=b"".join(kept), notes=tuple(notes))


def _strip_webp(data: bytes) -> Stripped:
    kept, notes, place = [], [], 12
    while place + 8 <= len(data):
        kind = data[place : place + 4]
        (length,) = struct.unpack("<I", data[place + 4 : place + 8])
        chunk = data[place : place + 8 + length + length % 2]
        place += len(chunk)
        if kind in _WEBP_NOTES:
            notes.append(f"WebP {kind.decode().strip()}: {_readable_words(chunk[8:])}")
            continue
        if kind == b"VP8X" and len(chunk) > 8:  # its flags say which notes follow
            chunk = chunk[:8] + bytes([chunk[8] & ~0b1100]) + chunk[9:]
        kept.append(chunk)
    body = b"WEBP" + b"".join(kept)
    return Stripped(data=b"RIFF" + struct.pack("<I", len(body)) + body, notes=tuple(notes))


def _strip_gif(data: bytes) -> Stripped:
    notes = []

    def take_out(match: re.Match[bytes]) -> bytes:
        notes.append(f"GIF comment: {_readable_words(match.group())}")
        return b""

    data = re.sub(rb"\x21\xff\x0bXMP DataXMP.*?\x03\x02\x01\x00\x00", take_out, data, flags=re.S)
    clean = re.sub(rb"\x21\xfe(?:[\x01-\xff][\x20-\x7e\s]{1,255})+?\x00", take_out, data)
    return Stripped(data=clean, notes=tuple(notes))


def _strip_svg(data: bytes) -> Stripped:
    notes = []
    for pattern in _SVG_NOTES:
        for match in pattern.finditer(data):
            words = _readable_words(re.sub(rb"<[^>]*>|https?://\S+", b" ", match.group()) or match.group())
            if words.strip(" ,"):
                notes.append(f"SVG metadata: {words}")
        data = pattern.sub(b"", data)
    return Stripped(data=data, notes=tuple(notes))
