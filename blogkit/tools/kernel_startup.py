"""What a Python kernel of a run does before its first cell: IPython runs the file that ``PYTHONSTARTUP`` names.

It switches Altair's renderer to ``blogkit``, also in an environment that has Altair and no blogkit. It leaves no name
in the notebook, and nothing that goes wrong here may stop a run.
"""


def _switch_on_renderer() -> None:
    import contextlib
    import importlib.util
    import pathlib

    with contextlib.suppress(Exception):
        try:
            from blogkit.tools import altair as module
        except ImportError:
            beside = pathlib.Path(globals().get("__file__", "")).with_name("altair.py")
            found = importlib.util.spec_from_file_location("_blogkit_altair", beside)
            assert found is not None and found.loader is not None
            module = importlib.util.module_from_spec(found)
            found.loader.exec_module(module)
        module.switch_on()


_switch_on_renderer()
del _switch_on_renderer
