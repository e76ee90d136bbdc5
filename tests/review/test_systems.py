"""What another system refuses or does otherwise is simulated: Windows' loops, sockets, paths; starts at once."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import socket
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from blogkit.errors import StoreError
from blogkit.review.bundle import _is_bundled_file
from blogkit.review.server import serve
from blogkit.review.server.database import Database
from tests.review.test_record import comment as any_comment


def test_a_signal_stops_the_server_where_the_loop_cannot_listen_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows' event loop raises NotImplementedError."""

    async def wait_for_a_signal() -> bool:
        loop = asyncio.get_running_loop()

        def refuse(*_: Any) -> None:
            raise NotImplementedError

        monkeypatch.setattr(type(loop), "add_signal_handler", refuse)
        stopped = asyncio.Event()
        serve._on_signal(signal.SIGTERM, stopped.set)
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(stopped.wait(), 5)
        return stopped.is_set()

    before = signal.getsignal(signal.SIGTERM)
    try:
        assert asyncio.run(wait_for_a_signal())
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_server_outside_the_main_thread_listens_for_no_signal() -> None:
    async def listen() -> None:
        serve._on_signal(signal.SIGTERM, lambda: None)

    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(listen())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert failures == []


def test_a_port_is_kept_for_one_server_where_that_is_an_option_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows SO_REUSEADDR would let a second server take the first one's port."""
    asked: list[int] = []
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", 12345, raising=False)
    monkeypatch.setattr(socket.socket, "setsockopt", lambda _self, _level, option, _value: asked.append(option))
    serve.bind("127.0.0.1", 0).close()
    assert asked == [12345]


@pytest.mark.parametrize(
    "name", ["posts/C:/x.html", "posts/a/C:0123456789ab.html", "posts/a\\b/0123456789ab.html",
             "posts/../revisions.json", "posts/a/..", "posts/a/nul", "C:record.jsonl", "posts/a/b/0123456789ab.html"],
)  # fmt: skip
def test_a_name_that_some_system_takes_for_another_place_is_in_no_bundle(name: str) -> None:
    assert not _is_bundled_file(tuple(name.split("/")))


def test_the_files_of_a_bundle_are_those() -> None:
    for name in ("record.jsonl", "posts/alpha/revisions.json", "posts/alpha/0123456789ab.html"):
        assert _is_bundled_file(tuple(name.split("/")))


# --- the database's tables ------------------------------------------------------------------------------------------


def test_a_database_of_the_first_version_keeps_its_events(database_url: str) -> None:
    """Also when it is migrated again and again: nothing is rebuilt."""
    first = Database(database_url)
    first.migrate()
    for number in range(5):
        first.append(any_comment(number))
    first.close()
    for _ in range(3):
        again = Database(database_url)
        again.migrate()
        assert [event.id for event in again.all()] == [any_comment(number).id for number in range(5)]
        again.close()


def test_a_database_of_another_version_is_an_error_message_and_stays_as_it_is(database_url: str) -> None:
    database = Database(database_url)
    database.migrate()
    database.append(any_comment(1))
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="written by another version of blogkit") as caught:
        database.migrate()
    assert "nothing was changed" in str(caught.value)
    assert len(database.all()) == 1
    database.close()


def test_a_file_that_is_no_database_is_an_error_message(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("hello " * 1000)
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(StoreError, match="cannot be used"):
        database.migrate()
    database.close()


def _migrate(url: str, start: Any, outcomes: Any) -> None:
    start.wait()
    try:
        database = Database(url)
        database.migrate()
        database.close()
        outcomes.put("")
    except BaseException as error:
        outcomes.put(repr(error))


@pytest.mark.slow
def test_several_servers_may_start_at_once_on_an_empty_database(database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    start, outcomes = context.Barrier(4), context.Queue()
    processes = [context.Process(target=_migrate, args=(database_url, start, outcomes)) for _ in range(4)]
    for process in processes:
        process.start()
    said = [outcomes.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(20)
    assert said == [""] * 4
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
