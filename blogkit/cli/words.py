"""How the command line says what several verbs print."""

from __future__ import annotations


def file_size(number: int) -> str:
    """Bytes as people say them."""
    if number < 1000:
        return f"{number} bytes"
    return f"{number / 1000:,.0f} kB" if number < 1_000_000 else f"{number / 1_000_000:,.1f} MB"
