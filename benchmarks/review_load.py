"""Does the review server hold a class? Loopback only, bounded in time and number; fails below the targets.

    python benchmarks/review_load.py [--people 300] [--seconds 30] [--database postgresql://…]

A real server runs in its own process. 300 signed-in people open their posts, ten times each, and save their rubric
every ten seconds; then come a burst of five times that, and 300 submissions within a minute (``--submit-seconds``). In
the middle the server is killed with SIGKILL and started again; writers go on as the browser's queue does, sending again
what was not acknowledged. At the end every acknowledged write must be there, once, and nobody may have been asked to
wait.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from blogkit.review.assign import Pair, Round, write_rounds  # noqa: E402
from blogkit.review.folder import ReviewFolder, keep_roster  # noqa: E402
from blogkit.review.posts import add_revision, prepare_post  # noqa: E402
from blogkit.review.roster import read_roster  # noqa: E402
from blogkit.review.rubric import keep_rubric  # noqa: E402
from blogkit.review.server import access  # noqa: E402
from blogkit.review.server.database import Database  # noqa: E402
from blogkit.review.server.serve import database_url  # noqa: E402
from tests.review.databases import free_port, postgres  # noqa: E402
from tests.review.posts import invent_post  # noqa: E402
from tests.review.running import Running  # noqa: E402
from tests.review.school import RUBRIC  # noqa: E402


@dataclass
class Person:
    """One simulated browser: a session, the rubric's head, and a queue of one."""

    key: str
    post: str
    token: str
    csrf: str
    head: str | None = None
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def hang_up(self) -> None:
        if self.connection is not None:
            self.connection[1].close()
            self.connection = None


@dataclass
class Tally:
    """What was measured."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    cpu: float = 0.0
    """Seconds of processor time that the server took: what a busy machine does not change."""
    again: int = 0
    """Writes that had to be sent again while the server was away."""

    def row(self, name: str) -> str:
        times = sorted(self.seconds)
        p95, p99 = (times[min(len(times) - 1, int(len(times) * q))] * 1000 for q in (0.95, 0.99))
        worst = times[-1] * 1000
        median = statistics.median(times) * 1000
        cpu = f"{1000 * self.cpu / len(times):.1f}" if self.cpu else "–"
        bad = sum(count for status, count in self.statuses.items() if status >= 500)
        return (
            f"{name:<28}{len(times):>7}{median:>9.0f}{p95:>9.0f}{p99:>9.0f}{worst:>9.0f}{bad:>6}{self.again:>7}{cpu:>8}"
        )


def make_class(root: Path, people: int) -> ReviewFolder:
    """A class of so many, each with one post to review."""
    folder = ReviewFolder(root=root / "review")
    rows = [f"Student {n},p{n}@uni.example,student,post-{n // 10}" for n in range(people)]
    keep_roster(folder, "name,email,role,project\n" + "\n".join(rows) + "\nBoss,boss@uni.example,staff,\n")
    keep_rubric(folder, RUBRIC)
    roster = read_roster(folder.roster, folder.secret())
    posts = roster.projects
    page = root / "site" / "index.html"
    page.parent.mkdir(parents=True)
    for number, post in enumerate(posts):
        page.write_text(invent_post(number % 3, author=""), encoding="utf-8")
        add_revision(folder, prepare_post(post, page, page.parent, roster))
    pairs = [
        Pair(reviewer=person.key, post=posts[(posts.index(person.project or "") + 1) % len(posts)])
        for person in roster.students
    ]
    write_rounds(folder, [Round(number=1, seed=0, published=True, pairs=tuple(pairs))])
    return folder


def sign_in_all(folder: ReviewFolder, url: str) -> list[Person]:
    """A session for everybody, opened in the database as a used link would."""
    database = Database(url)
    database.migrate()
    roster = read_roster(folder.roster, folder.secret())
    from blogkit.review.assign import published_pairs, read_rounds

    people = []
    for pair in published_pairs(read_rounds(folder)):
        token = access.open_session(database, pair.reviewer)
        session = access.find_session(database, token)
        assert session is not None
        people.append(Person(key=pair.reviewer, post=pair.post, token=token, csrf=session.csrf))
    database.close()
    assert len(people) == len(roster.students)
    return people


async def post(port: int, person: Person, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """One write."""
    body = json.dumps(document).encode()
    head = (
        f"POST /api/posts/{person.post}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Cookie: {access.COOKIE}={person.token}\r\nX-CSRF-Token: {person.csrf}\r\n"
        f"Origin: http://127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return await request(port, person, head.encode() + body)


async def request(port: int, person: Person, wanted: bytes) -> tuple[int, dict[str, Any]]:
    """One HTTP request over the person's own connection, which is kept open as a browser keeps it."""
    used = person.connection is not None
    try:
        return await _ask(port, person, wanted)
    except (OSError, asyncio.IncompleteReadError):
        person.hang_up()
        if not used:
            raise
        return await _ask(port, person, wanted)  # the server had closed an idle one: browsers ask anew
    except BaseException:
        person.hang_up()
        raise


async def _ask(port: int, person: Person, request: bytes) -> tuple[int, dict[str, Any]]:
    if person.connection is None:
        person.connection = await asyncio.open_connection("127.0.0.1", port)
    reader, writer = person.connection
    writer.write(request)
    top = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).lower()
    length = int(top.partition(b"content-length:")[2].split()[0])
    rest = await reader.readexactly(length)
    if b"connection: close" in top:
        person.hang_up()
    return int(top.split()[1]), json.loads(rest) if rest.startswith(b"{") else {}


async def write(port: int, person: Person, document: dict[str, Any], tally: Tally) -> None:
    """One write as the browser's queue does it: again and again under the same id until it is acknowledged."""
    for attempt in range(400):
        begun = time.perf_counter()
        try:
            status, _ = await post(port, person, document)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            tally.again += 1
            await asyncio.sleep(0.25 + random.random() * 0.25)
            continue
        if attempt == 0 or status not in (200, 201):
            tally.seconds.append(time.perf_counter() - begun)
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        if status in (200, 201):
            tally.acknowledged.append(document["id"])
            return
        if status < 500 and status != 429:
            raise AssertionError(f"a write was refused: {status}")
        await asyncio.sleep(0.5)
    raise AssertionError("a write never got through")


def rubric(person: Person) -> dict[str, Any]:
    """The next autosave of somebody."""
    made = {
        "id": f"urn:uuid:{uuid.uuid4()}",
        "type": "blogkit:Rubric",
        "blogkit:rubric": RUBRIC.version,
        "blogkit:scores": {"soundness": random.randrange(60), "clarity": random.randrange(40)},
        "blogkit:notes": {"soundness": "The comparison is fair, but the seeds are few. " * 4},
        "blogkit:summary": "",
        "blogkit:previous": person.head,
    }
    person.head = str(made["id"])
    return made


async def autosave(port: int, people: list[Person], seconds: float, every: float, tally: Tally) -> None:
    """Everybody saves every so many seconds, each at a moment of their own."""

    async def one(person: Person) -> None:
        await asyncio.sleep(random.random() * every)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.monotonic()
            await write(port, person, rubric(person), tally)
            await asyncio.sleep(max(0.0, every - (time.monotonic() - begun)))

    await asyncio.gather(*(one(person) for person in people))
    hang_up(people)


async def reads(port: int, people: list[Person], seconds: float, tally: Tally) -> None:
    """Everybody opens their list and their post ten times, as when a class comes in and somebody keeps reloading."""

    async def one(person: Person) -> None:
        await asyncio.sleep(random.random() * seconds / 10)
        for _ in range(10):
            for path in ("/home", f"/read/{person.post}", f"/api/posts/{person.post}"):
                head = (
                    f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {access.COOKIE}={person.token}\r\n\r\n"
                )
                begun = time.perf_counter()
                status, _answer = await request(port, person, head.encode())
                tally.seconds.append(time.perf_counter() - begun)
                tally.statuses[status] = tally.statuses.get(status, 0) + 1
            await asyncio.sleep(seconds / 10)

    await asyncio.gather(*(one(person) for person in people))
    hang_up(people)


def hang_up(people: list[Person]) -> None:
    """Closes everybody's connection; each phase has an event loop of its own."""
    for person in people:
        person.hang_up()


async def submit(port: int, people: list[Person], seconds: float, tally: Tally) -> None:
    """Everybody submits, at a random moment of a minute."""

    async def one(person: Person) -> None:
        await asyncio.sleep(random.random() * seconds)
        document = {"id": f"urn:uuid:{uuid.uuid4()}", "type": "blogkit:Submit", "blogkit:about": person.head}
        await write(port, person, document, tally)

    await asyncio.gather(*(one(person) for person in people))
    hang_up(people)


async def killed(server: Running, people: list[Person], seconds: float, tally: Tally, away: float) -> None:
    """Autosave goes on while the server is killed and, after a while, started again."""

    async def kill() -> None:
        await asyncio.sleep(seconds / 3)
        server.end(signal.SIGKILL)
        await asyncio.sleep(away)
        await asyncio.to_thread(server.start)

    await asyncio.gather(autosave(server.port, people, seconds, 5.0, tally), kill())


def measure(name: str, url: str | None, options: argparse.Namespace) -> bool:
    """One database: every phase, then the count. True when the targets hold."""
    with tempfile.TemporaryDirectory(prefix="blogkit-load-") as work:
        folder = make_class(Path(work), options.people)
        address = database_url(folder, url)
        people = sign_in_all(folder, address)
        server = Running(folder=folder, port=free_port(), database=url)
        server.start()
        phases = {
            one: Tally()
            for one in ("opening posts", "autosave every 10 s", "five-fold burst", "submissions", "kill -9")
        }
        calm: list[tuple[str, Callable[[Tally], Coroutine[Any, Any, None]]]] = [
            ("opening posts", lambda tally: reads(server.port, people, options.seconds, tally)),
            ("autosave every 10 s", lambda tally: autosave(server.port, people, options.seconds, 10.0, tally)),
            ("five-fold burst", lambda tally: autosave(server.port, people, options.seconds / 2, 2.0, tally)),
            ("submissions", lambda tally: submit(server.port, people, options.submit_seconds, tally)),
        ]
        try:
            assert server.process is not None
            process = psutil.Process(server.process.pid)
            for label, phase in calm:
                before = sum(process.cpu_times()[:2])
                asyncio.run(phase(phases[label]))
                phases[label].cpu = sum(process.cpu_times()[:2]) - before
            asyncio.run(killed(server, people, options.seconds / 2, phases["kill -9"], options.away))
        finally:
            server.end()
        database = Database(address)
        stored = [event.id for event in database.all()]
        database.close()
    print(f"\n{name}, {options.people} people\n{'':28}{'sent':>7}{'median':>9}{'p95':>9}{'p99':>9}{'worst':>9}", end="")
    print(f"{'5xx':>6}{'again':>7}{'CPU':>8}   (milliseconds; CPU: the server's, a request)")
    for label, tally in phases.items():
        print(tally.row(label))
    acknowledged = [one for tally in phases.values() for one in tally.acknowledged]
    lost = set(acknowledged) - set(stored)
    times = [sorted(tally.seconds) for label, tally in phases.items() if label not in {"opening posts", "kill -9"}]
    gates = {
        "p95 save < 200 ms": all(one[int(len(one) * 0.95)] < 0.2 for one in times),
        "p99 save < 1 s": all(one[min(len(one) - 1, int(len(one) * 0.99))] < 1.0 for one in times),
        "no 5xx": not any(status >= 500 for tally in phases.values() for status in tally.statuses),
        "nobody is asked to wait (429)": not any(429 in tally.statuses for tally in phases.values()),
        "every read answered": set(phases["opening posts"].statuses) == {200},
        f"no acknowledged write lost ({len(acknowledged)} acknowledged, {len(lost)} lost)": not lost,
        "each write once": len(stored) == len(set(stored)) == len(set(acknowledged)),
    }
    for label, holds in gates.items():
        print(f"{'holds' if holds else 'FAILS'}  {label}")
    return all(gates.values())


def main() -> int:
    """Measures SQLite and, where it is installed or named, PostgreSQL."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=30.0, help="of the calm phase; the others take half")
    parser.add_argument("--submit-seconds", type=float, default=30.0)
    parser.add_argument("--away", type=float, default=3.0, help="seconds for which the killed server is away")
    parser.add_argument("--database", help="a PostgreSQL to use; by default one is started where it is installed")
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    options = parser.parse_args()
    random.seed(7)
    good = True
    if options.only != "postgres":
        good &= measure("SQLite (WAL, synchronous=FULL)", None, options)
    if options.only != "sqlite":
        if options.database:
            good &= measure("PostgreSQL", options.database, options)
        else:
            with postgres() as url:
                good &= measure("PostgreSQL", url, options)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
