"""A zip whose bytes depend on nothing but its files: no clock, no user, no order of the disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The oldest that a zip can say; the page itself carries its dates."""
_PACKED = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".woff", ".woff2", ".mp4", ".webm", ".mp3", ".zip", ".gz")


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files, ``index.html`` first, then by name; packed files are stored as they are."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in sorted(files, key=lambda one: (one != "index.html", one)):
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.create_system = 3  # the same on every system
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.lower().endswith(_PACKED) else zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
    return stream.getvalue()
