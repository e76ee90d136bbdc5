"""Which database a review keeps its events in: named once, remembered in ``review.yml``, and the same for all commands.

The password is never written there. It is read from the environment (``BLOGKIT_REVIEW_DATABASE_PASSWORD``, or
PostgreSQL's own ``PGPASSWORD`` and password file), or comes with the address that a command is given.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from blogkit import store
from blogkit.config import read_as, read_yaml, to_yaml_line
from blogkit.errors import ConfigError, Problem, ProjectError, StoreError
from blogkit.review.folder import ReviewFolder
from blogkit.review.record import Event, merge, read_record

if TYPE_CHECKING:
    from sqlalchemy import URL

PASSWORD = "BLOGKIT_REVIEW_DATABASE_PASSWORD"  # noqa: S105  # the variable's name
_HEAD = "# Where this review keeps its events. Its password, if it has one, is never written here.\n"


@dataclass(frozen=True, kw_only=True)
class ReviewSettings:
    """What ``review.yml`` says."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    database: str = ""
    """The address of the database, without its password; of SQLite, relative to the review's folder."""


def read_settings(folder: ReviewFolder) -> ReviewSettings:
    """What the review remembers. Raises ConfigError when the file is wrong."""
    return read_as(read_yaml(folder.settings), ReviewSettings) if folder.settings.is_file() else ReviewSettings()


def choose_database(folder: ReviewFolder, given: str | None, *, begin: bool = False) -> str | None:
    """The address of the review's database, with its password; None while there is none.

    Once one is remembered (:func:`remember_database`), another one is refused, and none need be given. With ``begin``
    a review without a database gets a SQLite file of its own.
    """
    remembered = _remembered_database(folder)
    wanted = _parse_address(given, f"--database {given}") if given else remembered
    if wanted is None:
        wanted = _own_file(folder) if begin or folder.database.is_file() else None
    if wanted is None:
        return None
    if remembered is not None and _identity_of(wanted) != _identity_of(remembered):
        hint = f"Leave --database out. Where the database itself has moved, change `database` in {folder.settings}."
        shown = " and not in ".join(one.render_as_string(hide_password=True) for one in (remembered, wanted))
        raise ProjectError(f"This review keeps its events in {shown}.", hint=hint)
    if remembered is not None and (file := _sqlite_file(remembered)) is not None and not file.is_file():
        hint = "Bring the file back from a copy of the review's folder; a new one would be empty."
        raise StoreError("is missing, though this review keeps its events in it.", hint=hint, path=file)
    if wanted.password is None and wanted.get_backend_name() != "sqlite" and os.environ.get(PASSWORD):
        wanted = wanted.set(password=os.environ[PASSWORD])
    return wanted.render_as_string(hide_password=False)


def remember_database(folder: ReviewFolder, url: str) -> None:
    """Writes down, once, the database that answered: from now on every command uses it, and no other."""
    if read_settings(folder).database:
        return
    given = _parse_address(url, url)
    address = type(given).create(given.drivername, given.username, None, given.host, given.port, given.database,
                                 given.query).difference_update_query(["password"])  # fmt: skip
    if (file := _sqlite_file(address)) is not None:
        place, root = file.resolve(), folder.root.resolve()
        address = address.set(database=str(place.relative_to(root) if place.is_relative_to(root) else place))
    text = address.render_as_string(hide_password=False)
    store.write_text(folder.settings, f"{_HEAD}database: {to_yaml_line(text, quoted=True)}\n")


def read_events(folder: ReviewFolder, given: str | None = None) -> tuple[Event, ...]:
    """The collected record together with the database's events, where there is a database."""
    records: list[tuple[Event, ...] | list[Event]] = [read_record(folder.record) if folder.record.is_file() else ()]
    address = choose_database(folder, given)
    if address is not None:
        from blogkit.review.server.database import Database

        opened = Database(address)
        try:
            opened.migrate()
            remember_database(folder, address)
            records.append(opened.all())
        finally:
            opened.close()
    return merge(*records).events


def _own_file(folder: ReviewFolder) -> URL:
    return _parse_address(f"sqlite:///{folder.database.resolve()}", "")


def _remembered_database(folder: ReviewFolder) -> URL | None:
    """The database of ``review.yml``; the review's own SQLite file where that holds events and nothing is written."""
    said = read_settings(folder).database
    if not said:
        return _own_file(folder) if _has_events(folder.database) else None
    address = _parse_address(said, f"`database` in {folder.settings}")
    if (file := _sqlite_file(address)) is not None:
        address = address.set(database=str((folder.root / file).resolve()))
    return address


def _has_events(file: Path) -> bool:
    """Whether a SQLite file holds at least one event."""
    if not file.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute("SELECT 1 FROM events LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return False


def _parse_address(text: str, said: str) -> URL:
    """An address of a database. Raises ConfigError when it is none that the review can use."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    hint = "Write postgresql://USER@HOST/NAME or sqlite:///FILE."
    if text.startswith("postgres://"):
        text = "postgresql" + text.removeprefix("postgres")
    try:
        address = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ConfigError([Problem(message=f"{said}: this is no address of a database.", hint=hint)]) from error
    if address.get_backend_name() not in {"sqlite", "postgresql"}:
        message = f"{said}: a review is kept in SQLite or PostgreSQL, not in {address.get_backend_name()}."
        raise ConfigError([Problem(message=message, hint=hint)])
    return address


def _sqlite_file(address: URL) -> Path | None:
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def _identity_of(address: URL) -> tuple[object, ...]:
    """What makes two addresses the same database: not the password, nor the driver, nor how one connects."""
    if (file := _sqlite_file(address)) is not None:
        return ("sqlite", str(file.resolve()))
    query = address.query
    host = address.host or query.get("host") or "localhost"
    port = address.port or int(str(query.get("port") or 5432))
    return ("postgresql", str(host).lower(), port, address.database or address.username)
