"""Fills templates, which may be a stranger's: whoever stands in a cloned repository uses the templates that lie there.

So a template is filled in Jinja2's sandbox, in a process with a limit of time and memory, and a link in it is refused:
what it points to may be a file of the user's that would then be published with the project.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blogkit.config import to_yaml_line
from blogkit.errors import BlogkitError, ProjectError
from blogkit.tools.workers import Limits, run_bounded

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.exceptions import TemplateError

_ENDING = ".jinja"
_LIMITS = Limits(seconds=20, memory=500_000_000)
_MOST_FILES = 2_000
_MOST_BYTES = 200_000_000
_LARGEST_TEMPLATE = 2_000_000
_IGNORED = ("__pycache__", ".ipynb_checkpoints")


def fill_template(source: Path, answers: Mapping[str, Any], *, trusted: bool) -> dict[str, bytes]:
    """Every file of a template by its path, filled where its name ends in ``.jinja``.

    A ``trusted`` template is the installation's own, and is filled in this process. Raises ProjectError with the file
    and the line for a link, for a mistake in a template, and for one that takes too much.
    """
    if trusted:
        return _read_filled(source, _list_files(source), answers, trusted=True)
    refuse_link(source)
    paths = _list_files(source, refuse=refuse_link)
    (outcome,) = run_bounded(_open_filler, [(source, paths, dict(answers))], limits=_LIMITS)
    if outcome.error is not None:
        raise outcome.error
    if outcome.value is None:
        hint = "Look at the loops in its files that end in .jinja, or use another template."
        raise ProjectError(f"cannot be filled: it {outcome.reason}.", hint=hint, path=source)
    return outcome.value


def refuse_link(path: Path, what: str = "a template") -> None:
    """Raises ProjectError when a path is a link."""
    if path.is_symlink() or (hasattr(path, "is_junction") and path.is_junction()):
        hint = "Put the file or folder itself in its place: what a link points to is not copied."
        raise ProjectError(f"is a link, which {what} must not hold.", hint=hint, path=path)


def _list_files(source: Path, refuse: Callable[[Path], None] | None = None) -> list[str]:
    """The paths of a template's files, sorted; each is put to ``refuse`` first.

    Raises ProjectError for a device, and for too much. Some installers make the installation's own files links.
    """
    found: list[str] = []
    size = 0
    for folder, folders, names in os.walk(source, onerror=_raise_unreadable):
        folders[:] = [name for name in folders if name not in _IGNORED]
        for name in (*folders, *names):
            if refuse is not None:
                refuse(Path(folder, name))
        for name in names:
            path = Path(folder, name)
            status = path.lstat() if refuse else path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise ProjectError("is no ordinary file.", hint="Remove it from the template.", path=path)
            size += status.st_size
            found.append(path.relative_to(source).as_posix())
            if len(found) > _MOST_FILES or size > _MOST_BYTES:
                most = f"{_MOST_FILES:,} files or {_MOST_BYTES // 1_000_000} MB"
                raise ProjectError(f"holds more than {most}.", hint="Is this the folder you mean?", path=source)
    return sorted(found)


def _raise_unreadable(error: OSError) -> None:
    raise ProjectError(f"cannot be read: {error.strerror}.", path=Path(error.filename)) from error


@contextmanager
def _open_filler() -> Iterator[Callable[[tuple[Path, list[str], dict[str, Any]]], dict[str, bytes]]]:
    import jinja2.sandbox  # noqa: F401  # before the clock runs

    yield lambda task: _read_filled(*task)


def _read_filled(
    source: Path, paths: list[str], answers: Mapping[str, Any], *, trusted: bool = False
) -> dict[str, bytes]:
    read = Path.read_bytes if trusted else _read_unlinked
    files: dict[str, bytes] = {}
    for name in paths:
        path = source / name
        try:
            data = read(path)
        except OSError as error:
            raise ProjectError(f"cannot be read: {error.strerror}.", path=path) from error
        if name.endswith(_ENDING):
            files[name.removesuffix(_ENDING)] = _fill_file(path, data, answers).encode("utf-8")
        else:
            files[name] = data
    return files


def _read_unlinked(path: Path) -> bytes:
    """The bytes of a file; one that became a link since it was listed is refused by the system."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        return file.read(_MOST_BYTES + 1)


def _fill_file(path: Path, data: bytes, answers: Mapping[str, Any]) -> str:
    """A template's text with the answers in it. Raises ProjectError with the line of a mistake."""
    from jinja2.exceptions import TemplateError

    if len(data) > _LARGEST_TEMPLATE:
        hint = f"Take the ending {_ENDING} away to have it copied as it is."
        raise ProjectError(f"is larger than {_LARGEST_TEMPLATE // 1_000_000} MB, too large to fill.", hint, path)
    try:
        return _environment().from_string(data.decode("utf-8")).render(answers)
    except TemplateError as error:
        raise _mistake(path, error, answers) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProjectError("is not UTF-8.", hint="Save it as UTF-8.", path=path, line=line) from error
    except (BlogkitError, MemoryError):
        raise
    except Exception as error:  # what a template does with its values can raise anything: 1 / 0, "a" + 1
        raise _mistake(path, error, answers) from error


def _mistake(path: Path, error: TemplateError | Exception, answers: Mapping[str, Any]) -> ProjectError:
    """What is wrong in a template, on which line, and what may stand there."""
    from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError

    from blogkit.config import did_you_mean

    line = error.lineno if isinstance(error, TemplateSyntaxError) else _line_of(error)
    said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    hint = "A value is written << title >>, a block <% if authors %> … <% endif %>."
    if isinstance(error, SecurityError):
        hint = "A template may use its values and the filters yaml, key, json and words; nothing beyond."
    elif isinstance(error, UndefinedError):
        match = re.match(r"'([^']+)' is undefined", said)
        guess = did_you_mean(match.group(1), list(answers)) if match else ""
        hint = f"{guess} " if guess else ""
        hint += f"A template knows: {', '.join(sorted(answers))}."
    return ProjectError(f"cannot be filled: {said}.", hint=hint, path=path, line=line)


def _line_of(error: BaseException) -> int | None:
    """The line of the template in which an error arose: Jinja2 puts it into the traceback."""
    line: int | None = None
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == "<template>":
            line = step.tb_lineno
        step = step.tb_next
    return line


def _yaml_of(value: Any) -> str:
    """A value in YAML: a text in quotes, anything else on one line."""
    if isinstance(value, bool | int | float | list | tuple | dict) or value is None:
        return to_yaml_line(list(value) if isinstance(value, tuple) else value)
    return to_yaml_line(str(value), quoted=True)


def _environment() -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        variable_start_string="<<", variable_end_string=">>", block_start_string="<%", block_end_string="%>",
        comment_start_string="<#", comment_end_string="#>", trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, undefined=StrictUndefined,
        autoescape=False,  # these are Markdown and YAML, where `yaml` quotes what a user typed
    )  # fmt: skip
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    environment.filters["words"] = lambda name: re.sub(r"[-_]+", " ", str(name)).capitalize()
    environment.filters["yaml"] = _yaml_of
    environment.filters["key"] = lambda name: to_yaml_line(str(name))
    return environment
