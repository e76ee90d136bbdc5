"""Peer review of rendered posts: assign, read and annotate, collect, report."""

from __future__ import annotations
