"""The two engines that draw pages: Quarto itself, and the embedded one."""

from __future__ import annotations

from blogkit.render.engines.protocol import Engine


def engine_named(name: str) -> Engine:
    """The engine ``quarto`` or ``pandoc``."""
    if name == "quarto":
        from blogkit.render.engines.quarto import QuartoEngine

        return QuartoEngine()
    from blogkit.render.engines.pandoc import PandocEngine

    return PandocEngine()
