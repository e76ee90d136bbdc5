"""How the command line says what several verbs print."""

from __future__ import annotations


def file_size(number: int) -> str:
    """Bytes as people say them."""
    if number < 1000:
        return f"{number} bytes"
    return f"{number / 1000:,.0f} kB" if number < 1_000_000 else f"{number / 1_000_000:,.1f} MB"


def plain(text: str) -> str:
    """Somebody's text without what a terminal would take for a command: control characters become visible marks."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)
