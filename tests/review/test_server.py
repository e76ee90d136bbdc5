"""The review server: who may do what, nothing lost, nothing overwritten, nobody unmasked; on SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy.exc import DataError, OperationalError
from starlette.testclient import TestClient
from typer.testing import CliRunner

import blogkit
from blogkit.cli import app, reviews
from blogkit.review.assign import published_pairs, read_rounds
from blogkit.review.folder import ReviewFolder
from blogkit.review.record import Event, read_record, to_lines
from blogkit.review.server import access
from blogkit.review.server.app import Origins
from blogkit.review.server.database import Database, Written
from blogkit.review.server.serve import Served, build
from tests.review.posts import invent_post
from tests.review.school import ROSTER, comment, event, key, open_school, publish, reply, scores
from tests.review.test_record import comment as any_comment

assert reviews.review  # the commands are there
ORIGINS = Origins(app="http://app.example", posts="http://posts.example")


@dataclass
class School:
    """A server over a class, and its people's browsers."""

    root: Path
    folder: ReviewFolder
    served: Served
    clients: dict[str, TestClient] = field(default_factory=dict)

    def browser(self, who: str) -> TestClient:
        """Somebody's browser, signed in; `nobody` is not."""
        if who not in self.clients:
            client = TestClient(self.served.app, base_url=ORIGINS.app, follow_redirects=False)
            if who != "nobody":
                token = access.make_link(self.folder.secret(), key(self.folder, who))
                answer = client.post(f"/sign-in/{token}", headers={"Origin": ORIGINS.app})
                assert answer.status_code == 303, answer.text
            self.clients[who] = client
        return self.clients[who]

    def csrf(self, who: str) -> str:
        if who == "nobody":
            return "x"
        found = re.search(r'name="csrf" value="([^"]+)"', self.browser(who).get("/home").text)
        assert found
        return found[1]

    def send(self, who: str, document: dict[str, Any], post: str = "alpha") -> httpx2.Response:
        headers = {"X-CSRF-Token": self.csrf(who), "Origin": ORIGINS.app}
        return self.browser(who).post(f"/api/posts/{post}/events", json=document, headers=headers)

    def view(self, who: str, post: str = "alpha") -> dict[str, Any]:
        answer = self.browser(who).get(f"/api/posts/{post}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @property
    def revision(self) -> str:
        return self.served.classroom.revisions("alpha")[-1].id

    def submit(self, who: str, post: str = "alpha", soundness: float = 50) -> None:
        rubric = scores(None, soundness)
        assert self.send(who, rubric, post).status_code == 201
        done = self.send(who, event("blogkit:Submit", **{"blogkit:about": rubric["id"]}), post)
        assert done.status_code == 201, done.text


@pytest.fixture
def school(tmp_path: Path, database_url: str) -> Iterator[School]:
    folder = open_school(tmp_path)
    served = build(folder, ORIGINS, database=database_url)
    one = School(root=tmp_path, folder=folder, served=served)
    yield one
    for client in one.clients.values():
        client.close()
    served.database.close()


# --- who may do what: each role x each route x own or other --------------------------------------------------------

PEOPLE = {"nobody": "nobody", "other": "eve", "author": "ada", "reviewer": "cy", "staff": "tess"}
ROUTES: dict[str, dict[str, int]] = {
    # what is asked for: the status for each role, on the post `alpha`
    "GET /": {"nobody": 200, "other": 303, "author": 303, "reviewer": 303, "staff": 303},
    "GET /home": {"nobody": 401, "other": 200, "author": 200, "reviewer": 200, "staff": 200},
    "GET /read/alpha": {"nobody": 401, "other": 403, "author": 200, "reviewer": 200, "staff": 200},
    "GET /api/posts/alpha": {"nobody": 401, "other": 403, "author": 200, "reviewer": 200, "staff": 200},
    "GET /read/beta": {"nobody": 401, "other": 403, "author": 403, "reviewer": 200, "staff": 200},
    "GET /read/none": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 404},
    "GET /staff": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 200},
    "GET /staff/report.csv": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 200},
    "GET /staff/report.md": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 200},
    "GET /staff/record.jsonl": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 200},
    "POST /staff/override": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 303},
    "POST /staff/judge": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 303},
    "POST /api/preview": {"nobody": 401, "other": 200, "author": 200, "reviewer": 200, "staff": 200},
    "GET /read/alpha/ffffffffffff": {"nobody": 401, "other": 403, "author": 404, "reviewer": 404, "staff": 404},
    "GET /api/posts/beta": {"nobody": 401, "other": 403, "author": 403, "reviewer": 200, "staff": 200},
    "GET /api/posts/none": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 404},
    "GET /sign-in/forged": {"nobody": 403, "other": 403, "author": 403, "reviewer": 403, "staff": 403},
    "GET /healthz": {"nobody": 200, "other": 200, "author": 200, "reviewer": 200, "staff": 200},
    "GET /static/read.js": {"nobody": 200, "other": 200, "author": 200, "reviewer": 200, "staff": 200},
    "write comment": {"nobody": 401, "other": 403, "author": 403, "reviewer": 201, "staff": 201},
    "write reply to dee": {"nobody": 401, "other": 403, "author": 201, "reviewer": 403, "staff": 201},
    "write answer to dee": {"nobody": 401, "other": 403, "author": 201, "reviewer": 403, "staff": 403},
    "write edit of dee": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 403},
    "write close of dee": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 201},
    "write delete of dee": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 201},
    "write settle of dee": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 201},
    "write own edit": {"nobody": 401, "other": 403, "author": 403, "reviewer": 201, "staff": 201},
    "write own close": {"nobody": 401, "other": 403, "author": 403, "reviewer": 201, "staff": 201},
    "write own delete": {"nobody": 401, "other": 403, "author": 403, "reviewer": 201, "staff": 201},
    "write rubric": {"nobody": 401, "other": 403, "author": 403, "reviewer": 201, "staff": 201},
    "write submit of dee": {"nobody": 401, "other": 403, "author": 403, "reviewer": 422, "staff": 422},
    "write override": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 201},
    "write reopen of dee": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 201},
    "write own reopen": {"nobody": 401, "other": 403, "author": 403, "reviewer": 201, "staff": 201},
    "write edit of own reply": {"nobody": 401, "other": 403, "author": 201, "reviewer": 403, "staff": 201},
    "write delete of own reply": {"nobody": 401, "other": 403, "author": 201, "reviewer": 403, "staff": 201},
    "write comment on beta": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 201},
    "write close of dee on beta": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 403},
    "write judgement": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 201},
    "write revision": {"nobody": 401, "other": 403, "author": 403, "reviewer": 403, "staff": 403},
}


def ask(school: School, what: str, who: str, theirs: str, rubric: str) -> httpx2.Response:
    """Asks as somebody; ``theirs`` is Dee's submitted comment."""
    browser = school.browser(who)
    if what.startswith("GET "):
        return browser.get(what[4:])
    if what == "POST /api/preview":
        headers = {"X-CSRF-Token": school.csrf(who), "Origin": ORIGINS.app}
        return browser.post("/api/preview", json={"text": "x"}, headers=headers)
    if what.startswith("POST /staff/"):
        person = key(school.folder, "dee")
        form = {"csrf": school.csrf(who), "post": "alpha", "score": "7", "reason": "fair", "person": person}
        return browser.post(what[5:], data=form, headers={"Origin": ORIGINS.app})
    about = theirs
    post = "beta" if what.endswith("beta") else "alpha"
    if "own" in what:
        made = reply(theirs) if "reply" in what else comment(school.revision)
        about = made["id"] if school.send(who, made).status_code == 201 else theirs
    body = {"type": "TextualBody", "format": "text/markdown", "value": "changed"}
    named = {"blogkit:about": about}
    score = {"blogkit:score": 8, "blogkit:reason": "fair"}
    place = {"blogkit:revision": school.revision, "target": {"source": "urn:blogkit:post:alpha"}}
    documents = {
        "comment": comment(school.served.classroom.revisions(post)[-1].id),
        "reply": reply(theirs),
        "answer": reply(theirs, **{"blogkit:answer": {"state": "done", "commit": "98b85a5"}}),
        "edit": event("blogkit:Edit", body=body, **named),
        "close": event("blogkit:Close", **named),
        "reopen": event("blogkit:Reopen", **named),
        "delete": event("blogkit:Delete", **named),
        "settle": event("blogkit:Settle", **named, **place),
        "rubric": scores(None),
        "submit": event("blogkit:Submit", **{"blogkit:about": rubric}),
        "override": event("blogkit:Override", **score),
        "judgement": event("blogkit:Judgement", **score, **{"blogkit:person": "urn:blogkit:person:x"}),
        "revision": event("blogkit:Revision", **{"blogkit:revision": school.revision}),
    }
    word = next(word for word in what.split() if word in documents)
    return school.send(who, documents[word], post)


@pytest.mark.parametrize("role", PEOPLE)
def test_each_role_gets_from_each_route_what_the_table_says(school: School, role: str) -> None:
    theirs, rubric = comment(school.revision), scores(None)
    assert school.send("dee", theirs).status_code == 201
    assert school.send("dee", rubric).status_code == 201
    assert school.send("dee", event("blogkit:Submit", **{"blogkit:about": rubric["id"]})).status_code == 201
    wrong = {}
    for what, expected in ROUTES.items():
        answer = ask(school, what, PEOPLE[role], theirs["id"], rubric["id"])
        if answer.status_code != expected[role]:
            wrong[what] = (answer.status_code, expected[role], answer.text[:200])
    assert wrong == {}


def test_the_table_speaks_of_every_route() -> None:
    from starlette.routing import Route

    served = Origins(app="http://a.example", posts="http://b.example")
    from blogkit.review.server.app import ReviewApp

    paths = {
        route.path
        for route in ReviewApp(None, None, served).starlette().routes  # type: ignore[arg-type]
        if isinstance(route, Route)
    }
    spoken = {re.sub(r"/(alpha|beta|none)", "/{post}", what.split(" ", 1)[1]) for what in ROUTES if "/" in what}
    spoken = {path.replace("/forged", "/{token}").replace("/ffffffffffff", "/{revision}") for path in spoken}
    spoken |= {"/sign-out", "/api/posts/{post}/events"}  # tested below, and by every "write …"
    assert paths == spoken - {"/static/read.js"}


# --- signing in -----------------------------------------------------------------------------------------------------


def test_a_mail_scanner_that_opens_the_link_does_not_use_it_up(school: School) -> None:
    token = access.make_link(school.folder.secret(), key(school.folder, "cy"))
    browser = school.browser("nobody")
    for _ in range(3):
        answer = browser.get(f"/sign-in/{token}")
        assert answer.status_code == 200 and "set-cookie" not in answer.headers
    first = browser.post(f"/sign-in/{token}", headers={"Origin": ORIGINS.app})
    assert first.status_code == 303
    assert "httponly" in first.headers["set-cookie"].lower() and "samesite=lax" in first.headers["set-cookie"].lower()
    assert browser.post(f"/sign-in/{token}", headers={"Origin": ORIGINS.app}).status_code == 403


@pytest.mark.parametrize("token", ["", "x", "WyJ4IiwieSJd.aaaaaa.bbbbbb"])
def test_a_forged_link_signs_nobody_in(school: School, token: str) -> None:
    assert school.browser("nobody").post(f"/sign-in/{token}").status_code in {403, 404, 405}


def test_a_request_from_another_site_or_without_the_token_is_refused(school: School) -> None:
    browser, document = school.browser("cy"), comment(school.revision)
    path, token = "/api/posts/alpha/events", school.csrf("cy")
    foreign = {"X-CSRF-Token": token, "Origin": "http://evil.example"}
    assert browser.post(path, json=document, headers=foreign).status_code == 403
    assert browser.post(path, json=document, headers={"Origin": ORIGINS.app}).status_code == 403
    assert browser.post(path, json=document, headers={"X-CSRF-Token": token}).status_code == 201


def test_the_start_page_says_how_to_sign_in_and_does_not_link_to_itself(school: School) -> None:
    browser = school.browser("nobody")
    assert "Open the link" in browser.get("/").text and 'href="/"' not in browser.get("/").text
    assert 'href="/"' in browser.get("/none").text


def test_people_see_a_posts_title_and_not_its_folders_name(school: School) -> None:
    assert ">What width does to post 0</a>" in school.browser("cy").get("/home").text
    assert "<h1>What width does to post 0</h1>" in school.browser("cy").get("/read/alpha").text
    assert ">What width does to post 0</a>" in school.browser("ada").get("/home").text


@pytest.mark.parametrize("name", ["%00", "a" * 300, "a" * 5000, "%2e%2e", "..%2fsecret", "%0a", "%ff"])
def test_what_cannot_be_a_posts_name_is_not_found(school: School, name: str) -> None:
    for path in (f"/api/posts/{name}", f"/read/{name}", f"/read/alpha/{name}"):
        assert school.browser("tess").get(path).status_code == 404, path


def test_a_link_that_many_use_at_once_signs_in_once_and_never_into_a_session_that_was_there(school: School) -> None:
    token = access.make_link(school.folder.secret(), key(school.folder, "cy"))

    def use(number: int) -> httpx2.Response:
        with TestClient(school.served.app, base_url=ORIGINS.app, follow_redirects=False) as browser:
            browser.cookies.set(access.COOKIE, "set-by-somebody-else")
            return browser.post(f"/sign-in/{token}", headers={"Origin": ORIGINS.app})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(use, range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [403] * 7
    (cookie,) = [answer.headers["set-cookie"] for answer in answers if answer.status_code == 303]
    assert "set-by-somebody-else" not in cookie and "HttpOnly" in cookie and "SameSite=lax" in cookie


def test_signing_out_ends_the_session(school: School) -> None:
    browser = school.browser("cy")
    form = {"csrf": school.csrf("cy")}
    assert browser.post("/sign-out", data=form, headers={"Origin": ORIGINS.app}).status_code == 303
    assert browser.get("/home").status_code == 401


def test_too_much_at_once_has_to_wait(school: School) -> None:
    browser, headers = school.browser("cy"), {"X-CSRF-Token": school.csrf("cy")}
    statuses: list[int] = []
    while statuses[-1:] != [429] and len(statuses) < 2000:  # on a slow machine the allowance grows while we ask
        statuses.append(browser.post("/api/preview", json={"text": "x"}, headers=headers).status_code)
    assert set(statuses[:-1]) == {200}
    assert statuses[-1] == 429


@pytest.mark.parametrize(("who", "path", "usual"), [("cy", "/staff", 403), ("nobody", "/home", 401)])
def test_who_reads_too_often_has_to_wait_and_others_go_on(school: School, who: str, path: str, usual: int) -> None:
    browser, statuses = school.browser(who), [usual]
    while statuses[-1] == usual and len(statuses) < 4000:
        answer = browser.get(path)
        statuses.append(answer.status_code)
    assert len(statuses) > 200, "a reader with ten tabs must never meet the limit"
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1
    assert "Wait a moment" in answer.text
    assert school.browser("dee").get("/home").status_code == 200


def test_a_request_that_is_too_long_or_no_json_is_refused_and_answered(school: School) -> None:
    browser, headers = school.browser("cy"), {"X-CSRF-Token": school.csrf("cy")}
    path = "/api/posts/alpha/events"
    assert browser.post(path, content=b"x" * 300_000, headers=headers).status_code == 413
    assert browser.post(path, content=b"{", headers=headers).status_code == 400
    assert browser.post(path, content=b"[" * 50_000, headers=headers).status_code == 400
    assert browser.post(path, content=b"[]", headers=headers).status_code == 422
    assert browser.post(path, content=b'{"type": "blogkit:Boast"}', headers=headers).status_code == 422


def test_every_answer_carries_the_headers_that_keep_the_page_apart(school: School) -> None:
    for path in ("/", "/none", "/static/review.css"):
        headers = school.browser("nobody").get(path).headers
        assert f"frame-src {ORIGINS.posts}" in headers["content-security-policy"]
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_what_the_browser_runs_was_built_from_the_sources_that_are_here() -> None:
    interface = Path(blogkit.__file__).parent / "review" / "interface"
    names = ["package-lock.json", "build.mjs", *sorted(f"src/{one.name}" for one in (interface / "src").iterdir())]
    names.append("../../render/runtime/src/tables.js")
    total = hashlib.sha256()
    for name in names:
        total.update(f"{name}\n".encode() + (interface / name).read_bytes())
    built = (interface.parent / "assets" / "SOURCES.sha256").read_text(encoding="utf-8").strip()
    assert built == total.hexdigest(), "run `npm ci && npm run build` in blogkit/review/interface"


# --- the frame ------------------------------------------------------------------------------------------------------


def test_the_post_is_served_in_a_sandbox_by_a_signed_address(school: School) -> None:
    page = school.browser("cy").get("/read/alpha").text
    address = re.search(r'src="http://posts.example(/frame/[^"]+)"', page)
    assert address and 'sandbox="allow-scripts"' in page
    posts = TestClient(school.served.posts, base_url=ORIGINS.posts)
    answer = posts.get(address[1])
    policy = answer.headers["content-security-policy"]
    for rule in ("default-src 'none'", "connect-src 'none'", "img-src data: blob:", "form-action 'none'",
                 "base-uri 'none'", "frame-ancestors http://app.example", "sandbox allow-scripts"):  # fmt: skip
        assert rule in policy
    assert "allow-same-origin" not in policy + page
    assert re.search(r"script-src 'sha256-[^']+'", policy) and "unsafe-eval" not in policy
    assert "set-cookie" not in answer.headers
    assert posts.get("/frame/forged").status_code == 404
    often = [posts.get(address[1]) for _ in range(70)]
    assert often[40].status_code == 200 and often[-1].status_code == 429 and often[-1].headers["retry-after"] == "1"
    posts.close()


# --- blind ----------------------------------------------------------------------------------------------------------


def test_nobodys_name_address_or_key_is_on_any_page_that_others_see(school: School) -> None:
    school.send("cy", comment(school.revision, "A remark."))
    school.send("dee", comment(school.revision, "Another remark."))
    school.submit("cy")
    school.submit("dee")
    for who, unseen in {"ada": ("cy", "dee", "tess"), "cy": ("ada", "bob", "dee", "tess")}.items():
        shown = school.browser(who).get("/read/alpha").text + json.dumps(school.view(who))
        for other in unseen:
            assert key(school.folder, other) not in shown
            assert f"{other}@uni.example" not in shown
        for name in ("Lovelace", "Noyce", "Twombly", "Taylor", "Dee Dee"):
            assert name not in shown
        assert not re.search(r"\d{4}-\d\d-\d\dT", shown), "a time would tell who wrote when"
    assert {thread["label"] for thread in school.view("ada")["threads"]} == {"Reviewer A", "Reviewer B"}


def test_a_comment_that_names_its_author_warns_before_it_is_kept(school: School) -> None:
    named = comment(school.revision, "As I, Cy Twombly, said in class.")
    warned = school.send("cy", named)
    assert warned.status_code == 428 and warned.json()["warnings"] == ["Cy Twombly"]
    assert school.view("cy")["threads"] == []
    assert school.send("cy", {**named, "confirmed": True}).status_code == 201


def test_reviewers_and_authors_see_others_comments_only_when_they_may(school: School) -> None:
    school.send("cy", comment(school.revision, "From Cy."))
    school.send("dee", comment(school.revision, "From Dee."))
    assert len(school.view("cy")["threads"]) == 1
    assert school.view("ada")["threads"] == []
    school.submit("dee")
    assert [t["html"] for t in school.view("ada")["threads"]] == ["<p>From Dee.</p>\n"]
    assert len(school.view("cy")["threads"]) == 1, "Cy has not submitted yet"
    assert school.view("cy")["others"] == []
    school.submit("cy")
    assert len(school.view("cy")["threads"]) == 2
    assert len(school.view("cy")["others"]) == 1
    assert len(school.view("tess")["threads"]) == 2


def test_a_draft_assignment_is_not_seen(school: School) -> None:
    from dataclasses import replace

    from blogkit.review.assign import read_rounds, write_rounds

    write_rounds(school.folder, [replace(each, published=False) for each in read_rounds(school.folder)])
    assert school.browser("cy").get("/read/alpha").status_code == 403
    assert "Nothing is assigned" in school.browser("cy").get("/home").text


# --- nothing lost, nothing overwritten ------------------------------------------------------------------------------


def test_a_repeated_write_is_kept_once(school: School) -> None:
    document = comment(school.revision)
    assert [school.send("cy", document).status_code for _ in range(3)] == [201, 200, 200]
    assert len(school.view("cy")["threads"]) == 1
    other = {**document, "blogkit:kind": "praise"}
    assert school.send("cy", other).status_code == 409


def test_two_tabs_that_save_at_once_are_a_conflict_and_nothing_is_overwritten(school: School) -> None:
    first = scores(None, 10)
    assert school.send("cy", first).status_code == 201
    one, other = scores(first["id"], 20), scores(first["id"], 30)
    assert school.send("cy", one).status_code == 201
    refused = school.send("cy", other)
    assert refused.status_code == 409
    assert refused.json()["head"]["blogkit:scores"]["soundness"] == 20
    assert school.view("cy")["mine"]["scores"]["soundness"] == 20


def test_of_many_simultaneous_saves_after_one_rubric_exactly_one_wins(school: School) -> None:
    first = scores(None, 10)
    school.send("cy", first)
    documents = [scores(first["id"], number) for number in range(12)]
    room, person = school.served.classroom, key(school.folder, "cy")
    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(answer.status for answer in pool.map(lambda one: room.write(person, "alpha", one), documents))
    assert statuses == [201] + [409] * 11


def test_writes_that_wait_are_committed_together_and_each_hears_what_became_of_its_own(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, commits, bad = school.served.database, [], "urn:uuid:00000000-0000-4000-8000-000000000bad"
    really = Database._append_batch

    def slowly(self: Database, batch: list[Any]) -> None:
        time.sleep(0.01)  # a slow disk: the others gather meanwhile
        commits.append(len(batch))
        really(self, batch)

    one_by_one = Database._append_one

    def choosily(self: Database, connection: Any, new: Event) -> Written:
        if new.id == bad:
            raise DataError("INSERT", None, ValueError("no database takes this one"))
        return one_by_one(self, connection, new)

    monkeypatch.setattr(Database, "_append_batch", slowly)
    monkeypatch.setattr(Database, "_append_one", choosily)
    many = [any_comment(number, post="alpha") for number in range(40)]
    poison = any_comment(50, post="alpha", event_id=bad)
    with ThreadPoolExecutor(24) as pool:
        outcomes = [pool.submit(database.append, one) for one in (*many, poison, *many)]
    kept = [one.result() for place, one in enumerate(outcomes) if place != 40]
    assert isinstance(outcomes[40].exception(), DataError), "the bad one alone gets the error"
    assert kept.count(Written.NEW) == kept.count(Written.REPEATED) == 40
    assert sorted(event.id for event in database.all()) == sorted(event.id for event in many)
    assert max(commits) > 1


def test_a_database_that_is_away_is_no_error_of_the_server(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("INSERT", None, OSError("connection refused"))

    monkeypatch.setattr(Database, "_append_batch", away)
    document = comment(school.revision)
    refused = school.send("cy", document)
    assert refused.status_code == 503 and "sent again" in refused.json()["message"] and refused.headers["retry-after"]
    monkeypatch.undo()
    assert school.send("cy", document).status_code == 201


def test_an_incomplete_or_impossible_rubric_cannot_be_submitted(school: School) -> None:
    draft = scores(None, 50, None)
    assert school.send("cy", draft).status_code == 201
    refused = school.send("cy", event("blogkit:Submit", **{"blogkit:about": draft["id"]}))
    assert refused.status_code == 422 and "Still without points: Clarity" in refused.json()["message"]
    refused = school.send("cy", scores(draft["id"], 61))
    assert refused.status_code == 422 and "worth 0 to 60" in refused.json()["message"]


def test_events_outlive_the_server_and_the_record_is_taken_in_again(school: School) -> None:
    school.send("cy", comment(school.revision))
    school.submit("cy")
    record = school.browser("tess").get("/staff/record.jsonl").text
    school.folder.record.write_text(record)
    again = build(school.folder, ORIGINS, database=school.served.database.url)
    assert to_lines(again.database.all()) == record
    other = build(school.folder, ORIGINS, database=f"sqlite:///{school.root / 'other.db'}")
    assert to_lines(other.database.all()) == to_lines(read_record(school.folder.record))
    for one in (again, other):
        one.database.close()


# --- the story ------------------------------------------------------------------------------------------------------


def test_a_comment_is_answered_seen_on_the_new_render_and_closed(school: School) -> None:
    page = school.served.classroom._read_page("alpha", school.revision)
    chart = page.charts[0]
    row = chart.rows[3]
    mark = {
        "type": "blogkit:MarkSelector",
        "part": "mark",
        "fields": {"step": row["step"], "optimizer": row["optimizer"]},
        "value": {"loss": row["loss"]},
    }
    fragment = {"type": "FragmentSelector", "conformsTo": "http://tools.ietf.org/rfc/rfc3236", "value": chart.block}
    one = comment(school.revision, "Is this $x^2$ point an **outlier**?", selector=[fragment, mark])
    assert school.send("cy", one).status_code == 201
    school.submit("cy")
    answer = reply(one["id"], "We ran it again.", **{"blogkit:answer": {"state": "done", "commit": "98b85a5"}})
    assert school.send("ada", answer).status_code == 201
    source = invent_post(0, author="Anonymous").replace(f'"loss": {row["loss"]}', '"loss": 0.336')
    publish(school.folder, school.root, "alpha", source)
    (thread,) = school.view("cy")["threads"]
    assert thread["anchor"]["state"] == "attached"
    assert thread["anchor"]["change"] == f"was {row['loss']:.4g}, now 0.336"
    assert thread["answer"] == "done" and thread["replies"][0]["label"] == "Author"
    assert "<math" in thread["html"] and "<strong>outlier</strong>" in thread["html"]
    assert thread["number"] == 1 and school.view("cy")["number"] == 2
    assert "1 comment, none without an answer." in school.browser("ada").get("/home").text
    assert school.send("cy", event("blogkit:Close", **{"blogkit:about": one["id"]})).status_code == 201
    assert school.view("ada")["threads"][0]["closed"] is True


def test_a_comment_whose_place_is_gone_can_be_settled(school: School) -> None:
    page = school.served.classroom._read_page("alpha", school.revision)
    from blogkit.review.anchor import describe

    start = page.text.index("Ablations") + 20
    one = comment(school.revision, selector=describe(page, start, start + 60))
    assert school.send("cy", one).status_code == 201
    gone = re.sub(r'<section id="sec-ablation".*?</section>', "", invent_post(0, author=""), flags=re.S)
    newest = publish(school.folder, school.root, "alpha", gone)
    (thread,) = school.view("cy")["threads"]
    assert thread["anchor"]["state"] == "unanchored" and thread["made"][0]["exact"]
    after = school.served.classroom._read_page("alpha", newest)
    target = {"source": "urn:blogkit:post:alpha", "selector": describe(after, 100, 150)}
    settle = event("blogkit:Settle", target=target, **{"blogkit:about": one["id"], "blogkit:revision": newest})
    assert school.send("cy", settle).status_code == 201
    assert school.view("cy")["threads"][0]["anchor"]["state"] == "attached"


def test_a_place_that_is_settled_is_not_asked_about_again(school: School) -> None:
    from blogkit.review.anchor import describe

    source = invent_post(0, author="Anonymous")
    page = school.served.classroom._read_page("alpha", school.revision)
    sentence = re.search(r"<p>([A-Z][^.<()]{60,}\.)", source)
    assert sentence
    words, rows = sentence[1].replace("\n", " "), page.tables[0].rows[2:4]
    start = page.text.index(words)
    fragments = [
        {"type": "FragmentSelector", "conformsTo": "http://tools.ietf.org/rfc/rfc3236", "value": name}
        for name in ("eq-loss", "tbl-errors")
    ]
    number = next(number for number, one in enumerate(page.equations) if one.block == "eq-loss")
    equation = {"type": "blogkit:EquationSelector", "tex": page.equations[number].text, "index": number}
    cells = [
        {"type": "blogkit:CellSelector", "row": row[0], "column": "test error", "value": row[2], "cells": [row[0]]}
        for row in rows
    ]
    places = [describe(page, start, start + len(words)), [fragments[0], equation]]
    for place in places + [[fragments[1], {**cell, "table": 0}] for cell in cells]:
        assert school.send("cy", comment(school.revision, selector=place)).status_code == 201
    drawn = re.search(r'(<span id="eq-loss">)<math.*?</math>', source, re.S)
    assert drawn
    source = source.replace(drawn[0], f"{drawn[1]}<math><mi>R</mi><mo>=</mo><mi>ρ</mi></math>")
    for row, error in zip(rows, (rows[0][1], "0.987"), strict=True):  # one row twice, and one almost
        twin = "".join(f"<td>{cell}</td>" for cell in (row[0], error, row[2]))
        source = source.replace(f"<tr><td>{row[0]}", f"<tr>{twin}</tr><tr><td>{row[0]}")
    source = source.replace(sentence[0], f"<p>{sentence[1]}</p>{sentence[0]}")  # the paragraph's first words, twice
    newest = publish(school.folder, school.root, "alpha", source)
    threads = school.view("cy")["threads"]
    assert [one["anchor"]["state"] for one in threads] == ["check"] * 4
    for one in threads:
        target = {"source": "urn:blogkit:post:alpha", "selector": one["offer"]}
        settle = event("blogkit:Settle", target=target, **{"blogkit:about": one["id"], "blogkit:revision": newest})
        assert school.send("cy", settle).status_code == 201
    again = school.view("cy")["threads"]
    assert [(one["anchor"]["state"], one["offer"]) for one in again] == [("attached", None)] * 4
    known = [one.get("cells") for each in again for one in each["selectors"] if one["type"] == "blogkit:CellSelector"]
    assert sorted(known, key=bool) == [
        None,
        [rows[1][0], "0.987"],
    ]  # nothing tells the first from its twin; the other is known by name


def test_a_later_round_keeps_what_an_absent_reviewer_submitted_on_the_server(
    school: School, database_url: str, tmp_path: Path
) -> None:
    school.submit("dee")
    roster = tmp_path / "roster.csv"
    rows = [row + (",absent" if row.startswith("Dee") else ",") for row in ROSTER.splitlines()[1:]]
    roster.write_text("\n".join(["name,email,role,project,status", *rows, ""]))
    command = ["review", "assign", "--folder", str(school.folder.root), "--database", database_url, "--reviews", "1"]
    for _ in range(2):
        done = CliRunner().invoke(app, [*command, "--staff", "0", "--roster", str(roster), "--publish"])
        assert done.exit_code == 0, done.output
    assert "Nothing is left to assign" in done.output, "a third round would be empty"
    dee = {
        pair.post for pair in published_pairs(read_rounds(school.folder)) if pair.reviewer == key(school.folder, "dee")
    }
    assert dee == {"alpha"}, "what she had not submitted is read by somebody else"


def test_staff_see_progress_spread_and_overrides(school: School) -> None:
    school.submit("cy", soundness=10)
    school.submit("dee", soundness=60)
    page = school.browser("tess").get("/staff").text
    submitted = school.browser("tess").get("/staff?show=submitted").text
    assert "Dee Dee" in submitted and "not started" in page and "not started" not in submitted
    assert "reviews are 50 points apart" in page and "Cy Twombly" in page and "not started" in page
    form = {"csrf": school.csrf("tess"), "post": "alpha", "score": "77.5", "reason": "read it myself"}
    assert school.browser("tess").post("/staff/override", data=form).status_code == 303
    report = school.browser("tess").get("/staff/report.csv").text.splitlines()
    ada = dict(zip(report[0].split(","), report[1].split(","), strict=True))
    assert (ada["email"], ada["score"], ada["mean"], ada["spread"]) == ("ada@uni.example", "77.5", "65", "50")
    assert ada["override_reason"] == "read it myself"
    markdown = school.browser("tess").get("/staff/report.md").text
    assert "| alpha | 77.5 (read it myself) | 65 |" in markdown and "Dee Dee, beta: not started" in markdown


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "![x](https://evil.example/x.png)",
        "$\\href{javascript:alert(1)}{x}$",
        "<svg/onload=alert(1)>",
        "$$\\unicode{<script>}$$",
    ],
)
def test_nothing_that_a_comment_says_acts_or_loads(text: str) -> None:
    from lxml import html as parser

    from blogkit.review.markdown import to_html

    tree = parser.fromstring(f"<div>{to_html(text)}</div>")
    for element in tree.iter():
        assert element.tag not in {"script", "img", "svg", "iframe"}
        assert not any(
            name.startswith("on") or str(value).startswith("javascript") for name, value in element.attrib.items()
        )


# --- a rubric is not wiped ------------------------------------------------------------------------------------------


def test_an_empty_rubric_does_not_take_the_place_of_a_filled_in_one(school: School) -> None:
    filled = scores(None, 50, 30, why="Both seeds agree.") | {"blogkit:summary": "Sound."}
    assert school.send("cy", filled).status_code == 201
    facts = {"rubric": filled["blogkit:rubric"], "scores": {}, "notes": {}, "summary": "", "previous": filled["id"]}
    empty = event("blogkit:Rubric", **{f"blogkit:{name}": value for name, value in facts.items()})
    refused = school.send("cy", empty)
    assert refused.status_code == 409
    assert refused.json()["lost"] == ["notes.why", "scores.clarity", "scores.soundness", "summary"]
    assert refused.json()["head"]["id"] == filled["id"]
    assert school.view("cy")["mine"]["summary"] == "Sound."


@pytest.mark.parametrize("field_", ["scores.clarity", "notes.why", "summary"])
def test_a_field_is_emptied_by_an_explicit_act_alone_and_the_history_stays(school: School, field_: str) -> None:
    filled = scores(None, 50, 30, why="Both seeds agree.") | {"blogkit:summary": "Sound."}
    assert school.send("cy", filled).status_code == 201
    less = scores(filled["id"], 50, 30, why="Both seeds agree.") | {"blogkit:summary": "Sound."}
    kind, _, name = field_.partition(".")
    if name:
        del less[f"blogkit:{kind}"][name]
    else:
        less["blogkit:summary"] = ""
    other = next(one for one in ("scores.clarity", "notes.why", "summary") if one != field_)
    for cleared in (None, [], [other], "x"):
        assert school.send("cy", less | {"cleared": cleared}).status_code == 409
    assert school.send("cy", less | {"cleared": [field_]}).status_code == 201
    kept = [one for one in school.served.database.of_post("alpha") if one.type == "blogkit:Rubric"]
    assert [one.id for one in kept] == [filled["id"], less["id"]]
    assert "cleared" not in kept[1].document


def test_a_rubric_that_follows_none_that_is_there_is_a_conflict(school: School) -> None:
    """A page that has lost track of what it wrote must not begin a second rubric beside the first."""
    first = scores(None)
    assert school.send("cy", first).status_code == 201
    assert school.send("dee", scores(None)).status_code == 201
    theirs = school.view("dee")["mine"]["head"]
    for previous in (None, event("x")["id"], theirs):
        refused = school.send("cy", scores(previous, 10))
        assert refused.status_code == 409 and refused.json()["head"]["id"] == first["id"]
    assert school.send("cy", first).status_code == 200, "sent again, it is still the same"


def test_staff_alone_see_who_a_letter_is(school: School) -> None:
    assert school.send("cy", comment(school.revision)).status_code == 201
    school.submit("cy")
    school.submit("dee")
    (mine,) = school.view("cy")["threads"]
    (thread,) = school.view("tess")["threads"]
    assert (thread["label"], thread["name"]) == (mine["label"].removesuffix(" (you)"), "Cy Twombly")
    names = {one["label"]: one["name"] for one in school.view("tess")["others"]}
    assert names[thread["label"]] == "Cy Twombly" and "Dee Dee" in names.values()
    table = re.sub(r"<[^>]+>", "", school.browser("tess").get("/staff").text)
    assert f"Cy Twombly {thread['label']}" in " ".join(table.split())
    for who in ("ada", "cy", "dee"):
        assert "Twombly" not in str(school.view(who)), who
        assert "Dee Dee" not in str(school.view(who)), who


def test_the_report_says_how_far_reviewers_agree_on_each_criterion(school: School) -> None:
    school.submit("cy", soundness=50)
    assert "Agreement" not in school.browser("tess").get("/staff/report.md").text, "one review agrees with nobody"
    school.submit("dee", soundness=40)
    school.submit("dee", post="beta", soundness=10)
    markdown = school.browser("tess").get("/staff/report.md").text
    assert "Agreement of the reviewers (Krippendorff's alpha, ordinal; 1 is full): Soundness 0.00." in markdown


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_the_database_of_a_review_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = open_school(tmp_path)
    folder.database.touch(mode=0o644)  # as an earlier version left it
    served = build(folder, ORIGINS)
    try:
        files = [file for file in folder.root.iterdir() if file.name.startswith(folder.database.name)]
        assert len(files) >= 2, "the database and what SQLite keeps beside it"
        assert {file.name: file.stat().st_mode & 0o077 for file in files} == dict.fromkeys([f.name for f in files], 0)
    finally:
        served.database.close()
