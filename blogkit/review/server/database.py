"""Where the server keeps events, sessions and used links: SQLite in WAL mode by default, PostgreSQL by URL.

Events are only ever inserted. A rubric's event names the one it follows, and a unique column makes two successors of
one event impossible: of two tabs that save at once, one hears of the other.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, OperationalError

from blogkit.errors import StoreError
from blogkit.review.record import Event, EventType, parse_event

metadata = MetaData()
events = Table(
    "events",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("post", String(100), nullable=False, index=True),
    Column("creator", String(64), nullable=False, index=True),
    Column("type", String(32), nullable=False),
    Column("chain", String(300), nullable=True, unique=True),
    Column("line", Text, nullable=False),
)
sessions = Table(
    "sessions",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("expires", Float, nullable=False),
)
used_links = Table("used_links", metadata, Column("link", String(64), primary_key=True), Column("used", Float))


class Written(StrEnum):
    """What came of an event that somebody wanted to write."""

    NEW = "new"
    REPEATED = "repeated"
    """It was there already: the writer had not heard so."""
    CONFLICT = "conflict"
    """Another event follows the same one, or stands under the same id."""


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """Somebody who is signed in."""

    person: str
    csrf: str


_ROW = ("id", "post", "creator", "type", "chain", "line")


@dataclass
class _Waiting:
    """An event that somebody wants to write, and what came of it."""

    event: Event
    outcome: Written | BaseException | None = None


class Database:
    """The store behind a server. Every method is whole: when it returns, the disk has it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _make_engine(url)
        self._writing = threading.Lock()
        self._appending = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        statement = sqlite.insert(events) if self.is_sqlite else postgresql.insert(events)
        compiled = statement.on_conflict_do_nothing().compile(dialect=self.engine.dialect, column_keys=_ROW)
        self._insert = str(compiled)  # written out once: a class saves it 150 times a second
        self._positional = bool(getattr(compiled, "positional", False))
        self._insert_names = tuple(getattr(compiled, "positiontup", None) or ())

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def migrate(self) -> None:
        """Brings the tables to what this version needs; nothing is ever dropped."""
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["engine"] = self.engine
        try:
            command.upgrade(config, "head")
        except OperationalError as error:
            hint = "Check the address, the user and that the server runs."
            raise StoreError(f"The database does not answer: {error.orig}.", hint=hint) from error
        except DatabaseError as error:
            hint = "Bring it back from a copy of the review's folder."
            raise StoreError(f"The database cannot be used: {error.orig}.", hint=hint) from error
        except CommandError as error:
            hint = "Use the version of blogkit that wrote it, or a newer one; nothing was changed."
            raise StoreError(f"The database was written by another version of blogkit: {error}.", hint=hint) from error

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _write_transaction(self) -> Iterator[Connection]:
        """A transaction that writes. SQLite takes one writer: others wait here rather than for its lock."""
        if self.is_sqlite:
            with self._writing, self.engine.begin() as connection:
                yield connection
        else:
            with self.engine.begin() as connection:
                yield connection

    # --- events

    def append(self, new: Event) -> Written:
        """Keeps an event, once. Of two with one predecessor the second is a conflict.

        Whoever gets to write takes along what others wait to write: one commit, and one wait for the disk, for all.
        """
        mine = _Waiting(new)
        self._queue.append(mine)
        with self._appending:
            if mine.outcome is None:
                self._append_waiting()
        if isinstance(mine.outcome, BaseException):
            raise mine.outcome
        assert mine.outcome is not None
        return mine.outcome

    def _append_waiting(self) -> None:
        """Writes everything that waits, in one transaction; each in one of its own where one of them cannot be kept."""
        batch = [self._queue.popleft() for _ in range(len(self._queue))]
        try:
            self._append_batch(batch)
        except DataError:
            for one in batch:
                with suppress(DataError):
                    self._append_batch([one])

    def _append_batch(self, batch: list[_Waiting]) -> None:
        """Keeps a batch as a whole, or not at all."""
        try:
            with self._write_transaction() as connection:
                outcomes = [self._append_one(connection, one.event) for one in batch]
        except BaseException as error:
            for one in batch:
                one.outcome = error
            raise
        for one, outcome in zip(batch, outcomes, strict=True):
            one.outcome = outcome

    def _append_one(self, connection: Connection, new: Event) -> Written:
        row = _event_row(new)
        parameters = tuple(row[name] for name in self._insert_names) if self._positional else row
        if connection.exec_driver_sql(self._insert, parameters).rowcount:
            return Written.NEW
        there = connection.execute(select(events.c.line).where(events.c.id == new.id)).scalar()
        return Written.REPEATED if there is not None and _is_same_event(there, new) else Written.CONFLICT

    def add_all(self, many: Iterable[Event]) -> int:
        """Takes in events from a record, those that are not there yet; how many. Forks are kept as they are."""
        added = 0
        with self._write_transaction() as connection:
            there = set(connection.execute(select(events.c.id)).scalars())
            chains = set(connection.execute(select(events.c.chain).where(events.c.chain.is_not(None))).scalars())
            for one in many:
                if one.id in there:
                    continue
                row = _event_row(one)
                if row["chain"] in chains:
                    row["chain"] = None
                chains.add(row["chain"])
                there.add(one.id)
                connection.execute(events.insert().values(**row))
                added += 1
        return added

    def of_post(self, post: str) -> list[Event]:
        """Every event of a post, in the order in which they came."""
        return self._read_events(select(events.c.line).where(events.c.post == post).order_by(events.c.number))

    def all(self) -> list[Event]:
        """Every event, in the order in which they came."""
        return self._read_events(select(events.c.line).order_by(events.c.number))

    def latest(self, post: str, creator: str, kind: EventType) -> Event | None:
        """Somebody's newest event of a kind for a post."""
        where = (events.c.post == post) & (events.c.creator == creator) & (events.c.type == str(kind))
        found = self._read_events(select(events.c.line).where(where).order_by(events.c.number.desc()).limit(1))
        return found[0] if found else None

    def by_id(self, event_id: str) -> Event | None:
        """The event under an id."""
        found = self._read_events(select(events.c.line).where(events.c.id == event_id))
        return found[0] if found else None

    def _read_events(self, query: Any) -> list[Event]:
        import json

        with self.engine.connect() as connection:
            return [Event(document=json.loads(line)) for line in connection.execute(query).scalars()]

    # --- sessions

    def use_link(self, link: str) -> bool:
        """Marks a one-time link as used; False when it was already."""
        try:
            with self._write_transaction() as connection:
                connection.execute(used_links.insert().values(link=link, used=time.time()))
        except IntegrityError:
            return False
        return True

    def open_session(self, token: str, person: str, csrf: str, expires: float) -> None:
        """Keeps a session under the hash of its token."""
        with self._write_transaction() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires < time.time()))
            connection.execute(sessions.insert().values(token=token, person=person, csrf=csrf, expires=expires))

    def session(self, token: str) -> SignedIn | None:
        """The session under the hash of a token, unless it is over."""
        query = select(sessions.c.person, sessions.c.csrf).where(
            (sessions.c.token == token) & (sessions.c.expires > time.time())
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        return SignedIn(person=row.person, csrf=row.csrf) if row else None

    def close_session(self, token: str) -> None:
        """Ends a session."""
        with self._write_transaction() as connection:
            connection.execute(update(sessions).where(sessions.c.token == token).values(expires=0.0))


def _event_row(new: Event) -> dict[str, Any]:
    chain = f"{new.post} {new.creator} {new.previous or 'first'}" if new.type is EventType.RUBRIC else None
    kind = str(new.type)
    return {
        "id": new.id,
        "post": new.post,
        "creator": new.creator,
        "type": kind,
        "chain": chain,
        "line": new.line,
    }


def _is_same_event(line: str, new: Event) -> bool:
    """Whether a stored event is written again; the server's clock had moved on in between."""
    import json

    there = {**json.loads(line), "created": ""}
    return bool(there == {**new.document, "created": ""})


def _make_engine(url: str) -> Engine:
    if url.startswith("postgres://"):
        url = "postgresql" + url.removeprefix("postgres")
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg" + url.removeprefix("postgresql")
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True)
    _keep_private(url)
    engine = create_engine(url, pool_size=8, max_overflow=32, connect_args={"timeout": 20, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says, not where the driver guesses
        for pragma in ("busy_timeout=20000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _keep_private(url: str) -> None:
    """Makes SQLite's file readable by its owner alone, before it is opened: what SQLite adds to it follows its mode."""
    name = make_url(url).database
    if not name or name == ":memory:":
        return
    file = Path(name)
    with suppress(OSError):  # another owner's, or no folder: opening it says so
        file.touch(mode=0o600)
        for one in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
            if one.is_file():
                one.chmod(0o600)


def checked(lines: Iterable[str]) -> Iterator[Event]:
    """Events from lines of another record, each checked against the schema."""
    import json

    for line in lines:
        yield parse_event(json.loads(line))
