"""Verbs that make and gather evidence: run, status, logs, gather, verify, runs."""

from __future__ import annotations
