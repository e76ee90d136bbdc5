"""What a Python kernel of a run does before its first cell: IPython runs the file that ``PYTHONSTARTUP`` names.

It switches Altair's renderer to ``blogkit`` and protects the project's files that the run sees by links, also in an
environment without blogkit. It leaves no name in the notebook, and nothing that goes wrong here may stop a run.
"""


def _begin_run() -> None:
    import contextlib
    import importlib.util
    import pathlib
    import sys

    with contextlib.suppress(Exception):
        try:
            import blogkit
        except ImportError:  # another environment: this package by its path, and nothing that is installed beside it
            home = pathlib.Path(globals().get("__file__", "")).parents[1]
            spec = importlib.util.spec_from_file_location(
                "blogkit", home / "__init__.py", submodule_search_locations=[str(home)]
            )
            assert spec is not None and spec.loader is not None
            blogkit = importlib.util.module_from_spec(spec)
            sys.modules["blogkit"] = blogkit
            spec.loader.exec_module(blogkit)
        from blogkit.kernel.altair import switch_on
        from blogkit.kernel.linked import protect_linked_files

        switch_on()
        protect_linked_files()


_begin_run()
del _begin_run
