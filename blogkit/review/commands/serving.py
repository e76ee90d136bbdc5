"""``blogkit review serve``, ``links`` and ``open``: the review in people's browsers."""

from __future__ import annotations

import csv
import io
import tempfile
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from blogkit.errors import ProjectError
from blogkit.review.bundle import open_bundle
from blogkit.review.commands.places import GivenFolder, find_folder, find_roster
from blogkit.review.keeping import choose_database, remember_database
from blogkit.review.rubric import DEFAULT, Rubric, keep_rubric, read_rubrics
from blogkit.review.score import safe_cell


@dataclass(frozen=True, kw_only=True)
class SignInLink:
    """A link that signs one person in, once, within two weeks."""

    name: str
    email: str
    url: str


@dataclass(frozen=True, kw_only=True)
class SignInLinks:
    """Links for some people."""

    links: tuple[SignInLink, ...]

    def __str__(self) -> str:
        out = io.StringIO()
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["name", "email", "link"])
        rows.writerows([safe_cell(one.name), safe_cell(one.email), one.url] for one in self.links)
        return out.getvalue().rstrip("\n")


def links(people: Sequence[str] = (), *, url: str = "http://127.0.0.1:8000", folder: GivenFolder = None) -> SignInLinks:
    """One-time links for people by e-mail address; for everybody but the absent when none is named."""
    from blogkit.review.server.access import make_link

    place = find_folder(folder)
    roster = find_roster(place)
    wanted = {one.strip().lower() for one in people}
    unknown = wanted - {person.email for person in roster.people}
    if unknown:
        raise ProjectError(f"Not in the roster: {', '.join(sorted(unknown))}.", path=place.roster)
    chosen = [one for one in roster.people if one.email in wanted or (not wanted and one.status != "absent")]
    base, secret = url.rstrip("/"), place.secret()
    return SignInLinks(
        links=tuple(
            SignInLink(name=one.name, email=one.email, url=f"{base}/sign-in/{make_link(secret, one.key)}")
            for one in chosen
        )
    )


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    url: str | None = None,
    posts_url: str | None = None,
    database: str | None = None,
    rubric: Rubric = DEFAULT,
    folder: GivenFolder = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serves the review to a class until it is stopped. The posts' origin is on the next port.

    ``rubric`` becomes the current one, but not that of a ``folder`` that has one already.
    """
    from blogkit.review.server.app import Origins
    from blogkit.review.server.serve import bind, build, run

    place = find_folder(folder)
    find_roster(place)
    if folder is None or not read_rubrics(place):
        keep_rubric(place, rubric)
    origins = Origins(app=url or f"http://{host}:{port}", posts=posts_url or f"http://{host}:{port + 1}")
    if origins.app == origins.posts:
        raise ProjectError("The app and the posts need two origins.", hint="Give --posts-url another host or port.")
    address = choose_database(place, database, begin=True)
    served = build(place, origins, database=address)
    remember_database(place, address or "")
    sockets = (bind(host, port), bind(host, port + 1))
    say(f"The review is at {origins.app}; `blogkit review links --url {origins.app}` signs people in.")
    run(served.app, served.posts, sockets)
    served.database.close()


def open(  # noqa: A001  # named as the command
    bundle: Path,
    *,
    output: Path | None = None,
    port: int = 0,
    browser: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Lets a reviewer read and annotate a bundle on this machine until they end it; the file that they wrote."""
    from blogkit.review.server.access import make_link
    from blogkit.review.server.app import Origins
    from blogkit.review.server.serve import bind, build_offline, run

    answers = output or bundle.with_suffix(".review.jsonl")
    with tempfile.TemporaryDirectory(prefix="blogkit-review-") as work:
        opened = open_bundle(bundle, Path(work), answers=answers)
        sockets = (bind("127.0.0.1", port), bind("127.0.0.1", port + 1 if port else 0))
        app, posts = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in sockets)
        served = build_offline(opened, answers, Origins(app=app, posts=posts))
        link = f"{app}/sign-in/{make_link(opened.folder.secret(), opened.person.key)}"

        def ready() -> None:
            say(f"Open {link}\nWhat you write is kept in {answers}. Ctrl-C ends.")
            if browser:
                webbrowser.open(link)

        run(served.app, served.posts, sockets, ready=ready)
        served.database.close()
    return answers
