"""The venue's format as code: rules over a post, its page, a folder or a zip."""

from __future__ import annotations
