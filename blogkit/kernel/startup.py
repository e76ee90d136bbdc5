"""What a Python kernel of a run does before its first cell: IPython runs the file that ``PYTHONSTARTUP`` names.

It switches Altair's renderer to ``blogkit``, protects the project's files that the run sees by links, and notes what is
imported and read from here on, also by Python processes that the run starts, and in an environment without blogkit.
It leaves no name in the notebook, and nothing that goes wrong here may stop a run.
"""


def _begin_run() -> None:
    import contextlib
    import importlib.util
    import os
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
        from blogkit.kernel.imports import begin_imports, watch_reads
        from blogkit.kernel.linked import protect_linked_files

        switch_on()
        protect_linked_files()
        begin_imports()
        if os.environ.get("BLOGKIT_RUN_FOLDER"):
            watch_reads()
            children = pathlib.Path(globals().get("__file__", "")).parent / "children"
            if (children / "sitecustomize.py").is_file():
                path = os.environ.get("PYTHONPATH")
                os.environ["PYTHONPATH"] = str(children) + (os.pathsep + path if path else "")


_begin_run()
del _begin_run
