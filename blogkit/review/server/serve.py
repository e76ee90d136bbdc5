"""Running the two origins in one process, until somebody stops it."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from blogkit.errors import StoreError
from blogkit.review.bundle import FileStore, Opened
from blogkit.review.classroom import Classroom
from blogkit.review.folder import ReviewFolder
from blogkit.review.posts import revision_path
from blogkit.review.record import read_record
from blogkit.review.server import access
from blogkit.review.server.app import Origins, ReviewApp
from blogkit.review.server.database import Database
from blogkit.review.server.frame import posts_app


@dataclass(frozen=True, kw_only=True)
class Served:
    """A review server that is ready to run."""

    app: Starlette
    posts: Starlette
    database: Database
    classroom: Classroom
    origins: Origins


def database_url(folder: ReviewFolder, given: str | None) -> str:
    """The address of the database: the address given, or a SQLite file of the review's folder."""
    return given or f"sqlite:///{folder.database}"


def build(folder: ReviewFolder, origins: Origins, *, database: str | None = None) -> Served:
    """The two apps over a review's folder; the record that was collected so far is taken in."""
    folder.root.mkdir(parents=True, exist_ok=True)
    store = Database(database_url(folder, database))
    store.migrate()
    if folder.record.is_file():
        store.add_all(read_record(folder.record))
    return _serve_classroom(Classroom(folder, store, secret=folder.secret()), store, origins)


def build_offline(opened: Opened, answers: Path, origins: Origins) -> Served:
    """The two apps over an opened bundle: events go to the file ``answers``, the database holds the session alone."""
    opened.folder.make_secret()  # for this reading alone
    before = read_record(opened.folder.record) if opened.folder.record.is_file() else ()
    sessions = Database(f"sqlite:///{opened.folder.database}")
    sessions.migrate()
    store = FileStore(answers, before=before)
    classroom = Classroom(opened.folder, store, secret=opened.folder.secret(), roster=opened.roster, offline=True)
    return _serve_classroom(classroom, sessions, origins)


def _serve_classroom(classroom: Classroom, store: Database, origins: Origins) -> Served:
    folder = classroom.folder

    def lookup(token: str) -> tuple[Path, bool] | None:
        found = access.read_frame(classroom.secret, token)
        if found is None:
            return None
        revision = next((one for one in classroom.revisions(found[0]) if one.id == found[1]), None)
        return (revision_path(folder, *found), revision.scripts) if revision else None

    return Served(
        app=ReviewApp(classroom, store, origins).starlette(),
        posts=posts_app(lookup, origins.app),
        database=store,
        classroom=classroom,
        origins=origins,
    )


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises StoreError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    # On Windows SO_REUSEADDR lets two servers share a port; there the other option keeps it for one.
    option = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
    listener.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        hint = "Stop what listens there, or name another with --port."
        raise StoreError(f"Port {port} of {host} cannot be used: {error.strerror}.", hint=hint) from error
    listener.listen(2048)
    return listener


def run(
    app: Starlette,
    posts: Starlette,
    sockets: tuple[socket.socket, socket.socket],
    *,
    ready: Callable[[], None] | None = None,
) -> None:
    """Serves both apps until SIGINT or SIGTERM; requests under way are finished first."""

    async def both() -> None:
        servers = []
        for one in (app, posts):
            settings = uvicorn.Config(
                one, log_level="warning", access_log=False, lifespan="off", server_header=False, date_header=False,
                timeout_graceful_shutdown=5, timeout_keep_alive=30,
            )  # fmt: skip
            servers.append(_ReviewServer(settings))

        def stop() -> None:
            for server in servers:
                server.should_exit = True

        for one_signal in (signal.SIGINT, signal.SIGTERM):
            _on_signal(one_signal, stop)
        tasks = [
            asyncio.create_task(server.serve(sockets=[each])) for server, each in zip(servers, sockets, strict=True)
        ]
        while not all(server.started for server in servers) and not any(task.done() for task in tasks):
            await asyncio.sleep(0.01)
        if ready is not None:
            ready()
        await asyncio.gather(*tasks)

    asyncio.run(both())


def _on_signal(which: signal.Signals, stop: Callable[[], None]) -> None:
    """Calls ``stop`` at a signal: by the loop, or by Python where it cannot (Windows); in the main thread alone."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(which, stop)
    except NotImplementedError:
        with suppress(ValueError):
            signal.signal(which, lambda *_: loop.call_soon_threadsafe(stop))
    except RuntimeError:
        pass


class _ReviewServer(uvicorn.Server):
    """A server among others: signals are handled once, outside."""

    def install_signal_handlers(self) -> None:
        """Leaves signals to :func:`run`."""

    def capture_signals(self):  # type: ignore[no-untyped-def]  # as uvicorn writes it
        """Leaves signals to :func:`run`."""
        from contextlib import nullcontext

        return nullcontext()
