"""The Lua program that both engines have pandoc run: the one for whole posts, the other for formulas."""

from __future__ import annotations

from pathlib import Path

PROGRAM = Path(__file__).parent / "lua" / "worker.lua"
