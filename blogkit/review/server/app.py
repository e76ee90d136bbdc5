"""The app's origin: signing in, reading and commenting, staff pages. Every route asks the policy first."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blogkit.review.assign import Pair
from blogkit.review.classroom import Classroom
from blogkit.review.leaks import identity_of, leaks_in_text
from blogkit.review.markdown import to_html
from blogkit.review.policy import Action, Role, may
from blogkit.review.record import EventType, to_lines
from blogkit.review.roster import Person
from blogkit.review.score import progress, report_csv, report_markdown, score_posts
from blogkit.review.server import access
from blogkit.review.server.database import Database, SignedIn
from blogkit.review.state import PostState, fold

ASSETS = Path(__file__).parent.parent / "assets"
MOST_BODY = 200_000
"""Bytes of a request. An event is at most some 100 kB."""


@dataclass(frozen=True, kw_only=True)
class Origins:
    """Where the two halves of the server are reached."""

    app: str
    posts: str

    @property
    def secure(self) -> bool:
        return self.app.startswith("https://")


class Headers:
    """Adds the headers that every answer of the app carries."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self.app = app
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
            f" font-src 'self'; frame-src {origins.posts}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        self.headers = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"referrer-policy", b"same-origin"),  # no-referrer would make forms send "Origin: null"
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
        ]
        if origins.secure:
            self.headers.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                headers.extend(self.headers)
                if not scope["path"].startswith("/static/"):
                    headers.append((b"cache-control", b"no-store"))
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class RequestRefused(Exception):
    """A request that is not answered; the message is for the person, the status for the browser."""

    def __init__(
        self, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None, *, reason: str = ""
    ) -> None:
        super().__init__(status, message)
        self.status, self.message, self.headers = status, message, headers
        self.reason = reason
        """One word for the page's script, where it can do something about it."""


_TITLES = {
    HTTPStatus.UNAUTHORIZED: "Please sign in",
    HTTPStatus.FORBIDDEN: "Not open to you",
    HTTPStatus.NOT_FOUND: "Nothing is here",
    HTTPStatus.TOO_MANY_REQUESTS: "One moment",
}
_NOT_SIGNED_IN = "Open the link that you were sent to sign in."


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who asks."""

    person: Person
    session: SignedIn


class ReviewApp:
    """The app: its routes are methods, its world comes in from outside."""

    def __init__(self, classroom: Classroom, database: Database, origins: Origins) -> None:
        self.classroom = classroom
        self.database = database
        self.origins = origins
        self.sessions: dict[str, tuple[SignedIn, float]] = {}
        self.sign_ins = access.RateLimit(burst=400, per_second=5)
        self.writes = access.RateLimit(burst=120, per_second=10)
        self.reads = access.RateLimit(burst=240, per_second=10)
        self.strangers = access.RateLimit(burst=600, per_second=30)
        self.templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=select_autoescape(default=True),
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def starlette(self) -> Starlette:
        """The app to serve."""
        routes = [
            Route("/", self._page_route(self.start)),
            Route("/sign-in/{token}", self._page_route(self.ask_sign_in), methods=["GET"]),
            Route("/sign-in/{token}", self._form_route(self.sign_in), methods=["POST"]),
            Route("/sign-out", self._form_route(self.sign_out), methods=["POST"]),
            Route("/home", self._page_route(self.home)),
            Route("/read/{post}", self._page_route(self.read)),
            Route("/read/{post}/{revision}", self._page_route(self.read)),
            Route("/api/posts/{post}", self._page_route(self.view), methods=["GET"]),
            Route("/api/posts/{post}/events", self._json_route(self.write), methods=["POST"]),
            Route("/api/preview", self._json_route(self.preview), methods=["POST"]),
            Route("/staff", self._page_route(self.staff)),
            Route("/staff/report.csv", self._page_route(self.report)),
            Route("/staff/report.md", self._page_route(self.report)),
            Route("/staff/record.jsonl", self._page_route(self.record)),
            Route("/staff/override", self._form_route(self.override), methods=["POST"]),
            Route("/staff/judge", self._form_route(self.judge), methods=["POST"]),
            Route("/healthz", self._page_route(self.health)),
            Mount("/static", StaticFiles(directory=ASSETS)),
        ]
        return Starlette(
            routes=routes,
            middleware=[Middleware(Headers, origins=self.origins)],
            exception_handlers={
                RequestRefused: self._answer_refused,
                OperationalError: self._answer_database_away,
                404: self._answer_missing_page,
            },
        )

    # --- around every route

    def _page_route(self, answer: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def route(request: Request) -> Response:
            return await run_in_threadpool(answer, request)

        return route

    def _form_route(
        self, answer: Callable[[Request, dict[str, str]], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        """A route that takes a form; one that comes from another site is refused."""

        async def route(request: Request) -> Response:
            self._same_origin(request)
            await self._limited_body(request)
            form = await request.form(max_files=0, max_fields=40)
            fields = {str(name): str(value) for name, value in form.items()}
            return await run_in_threadpool(answer, request, fields)

        return route

    def _json_route(self, answer: Callable[[Request, Any], Response]) -> Callable[[Request], Awaitable[Response]]:
        """A route that takes JSON with the session's token against forgery in a header."""

        async def route(request: Request) -> Response:
            self._same_origin(request)
            body = await self._limited_body(request)
            try:
                document = json.loads(body)
            except (ValueError, RecursionError):
                raise RequestRefused(HTTPStatus.BAD_REQUEST, "The request is no JSON.") from None
            return await run_in_threadpool(answer, request, document)

        return route

    def _same_origin(self, request: Request) -> None:
        origin = request.headers.get("origin")
        if origin is not None and origin != self.origins.app:
            raise RequestRefused(HTTPStatus.FORBIDDEN, "The request comes from another site.")

    async def _limited_body(self, request: Request) -> bytes:
        """The body, when it is not too long. Starlette keeps it for the form parser."""
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BODY:
            raise RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long.")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BODY:
                raise RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long.")
        request._body = bytes(body)  # what Request.body() itself would have kept
        return bytes(body)

    def _cached_session(self, token: str | None) -> SignedIn | None:
        """The session of a cookie, asked of the database every few seconds at most."""
        if not token:
            return None
        known = self.sessions.get(token)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        session = access.find_session(self.database, token)
        if session is not None:
            if len(self.sessions) > 5000:
                self.sessions.clear()
            self.sessions[token] = (session, time.monotonic() + 10)
        return session

    def _need_visitor(self, request: Request) -> Visitor:
        session = self._cached_session(request.cookies.get(access.COOKIE))
        person = self.classroom.person(session.person) if session else None
        if session is None or person is None:
            self._not_too_often(self.strangers, request.client.host if request.client else "")
            raise RequestRefused(HTTPStatus.UNAUTHORIZED, _NOT_SIGNED_IN)
        return Visitor(person=person, session=session)

    def _need_reader(self, request: Request) -> Visitor:
        visitor = self._need_visitor(request)
        self._not_too_often(self.reads, visitor.person.key)
        return visitor

    def _not_too_often(self, limit: access.RateLimit, who: str) -> None:
        wait = limit.wait(who)
        if wait:
            headers = {"Retry-After": str(int(wait) + 1)}
            raise RequestRefused(HTTPStatus.TOO_MANY_REQUESTS, "That was a lot at once. Wait a moment.", headers)

    def _need_writer(self, request: Request, token: str) -> Visitor:
        visitor = self._need_visitor(request)
        if not hmac.compare_digest(token.encode(), visitor.session.csrf.encode()):
            raise RequestRefused(
                HTTPStatus.FORBIDDEN, "The page is too old to write from. Load it again.", reason="token"
            )
        self._not_too_often(self.writes, visitor.person.key)
        return visitor

    def _need_right(self, visitor: Visitor, post: str, action: Action) -> Role:
        role = self.classroom.role(visitor.person.key, post)
        if not may(role, action):
            raise RequestRefused(HTTPStatus.FORBIDDEN, "You have no part in this post's review.")
        return role

    def _need_staff(self, visitor: Visitor, action: Action) -> None:
        if not may(Role.STAFF if visitor.person.is_staff else Role.OTHER, action):
            raise RequestRefused(HTTPStatus.FORBIDDEN, "This page is for staff.")

    def _html_page(self, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
        return HTMLResponse(self.templates.get_template(template).render(**facts), status_code=status)

    def _answer_refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestRefused)
        if request.url.path.startswith("/api/"):
            facts = {"message": error.message, **({"reason": error.reason} if error.reason else {})}
            return JSONResponse(facts, status_code=error.status, headers=error.headers)
        title = _TITLES.get(error.status, "That did not work")
        response = self._html_page("message.html", status=error.status, title=title, message=error.message)
        response.headers.update(error.headers or {})
        return response

    def _answer_database_away(self, request: Request, _error: Exception) -> Response:
        message = "The database does not answer. What you wrote is kept in your browser and is sent again."
        return self._answer_refused(
            request, RequestRefused(HTTPStatus.SERVICE_UNAVAILABLE, message, {"Retry-After": "5"})
        )

    def _answer_missing_page(self, request: Request, _error: Exception) -> Response:
        return self._answer_refused(request, RequestRefused(HTTPStatus.NOT_FOUND, "There is no such page."))

    # --- signing in

    def start(self, request: Request) -> Response:
        """Home when signed in, otherwise how to."""
        if access.find_session(self.database, request.cookies.get(access.COOKIE)):
            return RedirectResponse("/home", status_code=303)
        self._not_too_often(self.strangers, request.client.host if request.client else "")
        return self._html_page("message.html", title="Peer review", message=_NOT_SIGNED_IN, is_start=True)

    def ask_sign_in(self, request: Request) -> Response:
        """A button: opening a link must not use it up, since mail scanners open links."""
        self._sign_in_limit(request)
        token = request.path_params["token"]
        if access.read_link(self.classroom.secret, token) is None:
            raise RequestRefused(HTTPStatus.FORBIDDEN, "This link is not valid, or too old. Ask staff for a new one.")
        return self._html_page("sign_in.html", token=token)

    def sign_in(self, request: Request, _form_route: dict[str, str]) -> Response:
        """Uses the link up and opens a session."""
        self._sign_in_limit(request)
        person = access.use_link(self.database, self.classroom.secret, request.path_params["token"])
        if person is None or self.classroom.person(person) is None:
            message = "This link was used already, or is not valid. Ask staff for a new one."
            raise RequestRefused(HTTPStatus.FORBIDDEN, message)
        response = RedirectResponse("/home", status_code=303)
        response.set_cookie(
            access.COOKIE,
            access.open_session(self.database, person),
            max_age=access.SESSION_DAYS * 86400,
            httponly=True,
            samesite="lax",
            secure=self.origins.secure,
        )
        return response

    def _sign_in_limit(self, request: Request) -> None:
        self._not_too_often(self.sign_ins, request.client.host if request.client else "")

    def sign_out(self, request: Request, form: dict[str, str]) -> Response:
        """Ends the session on this device."""
        self._need_writer(request, form.get("csrf", ""))
        self.sessions.pop(request.cookies.get(access.COOKIE, ""), None)
        access.end_session(self.database, request.cookies.get(access.COOKIE))
        response = RedirectResponse("/", status_code=303)
        response.delete_cookie(access.COOKIE)
        return response

    # --- reading and writing

    def home(self, request: Request) -> Response:
        """What the visitor has to read, and their own post."""
        visitor = self._need_reader(request)
        key = visitor.person.key
        mine = [pair for pair in self.classroom.pairs if pair.reviewer == key]
        cards = []
        for pair in sorted(mine, key=lambda pair: pair.post):
            state = self.classroom.state(pair.post)
            review = state.reviews.get(key)
            cards.append(
                {
                    "post": pair.post,
                    "title": self.classroom.title(pair.post),
                    "ready": bool(self.classroom.revisions(pair.post)),
                    "comments": sum(t.event.creator == key and not t.deleted for t in state.threads.values()),
                    "state": "submitted" if review and review.submitted else "started" if review else "not started",
                    "due": self.classroom.due.get((key, pair.post), ""),
                }
            )
        own = visitor.person.project if visitor.person.project in self.classroom.posts else None
        person, csrf = visitor.person, visitor.session.csrf
        return self._html_page(
            "home.html",
            name=person.name,
            cards=cards,
            own=own,
            said=self.classroom.view(key, own)["threads"] if own else [],
            own_title=self.classroom.title(own) if own else "",
            staff=person.is_staff,
            csrf=csrf,
            offline=self.classroom.offline,
        )

    def read(self, request: Request) -> Response:
        """A post in its frame, with comments and rubric beside it."""
        visitor = self._need_reader(request)
        post = request.path_params["post"]
        self._need_right(visitor, post, Action.READ_POST)
        there = self.classroom.revisions(post)
        wanted = request.path_params.get("revision") or (there[-1].id if there else "")
        if wanted not in {one.id for one in there}:
            raise RequestRefused(HTTPStatus.NOT_FOUND, "There is no such post, or no such revision of it.")
        token = access.sign_frame(self.classroom.secret, post, wanted, visitor.person.key)
        return self._html_page(
            "read.html",
            post=post,
            title=self.classroom.title(post),
            revision=wanted,
            latest=wanted == there[-1].id,
            frame=f"{self.origins.posts}/frame/{token}",
            posts_origin=self.origins.posts,
            csrf=visitor.session.csrf,
        )

    def view(self, request: Request) -> Response:
        """The discussion of a post as JSON, as the visitor may see it."""
        visitor = self._need_reader(request)
        post = request.path_params["post"]
        self._need_right(visitor, post, Action.READ_POST)
        if not self.classroom.revisions(post):
            raise RequestRefused(HTTPStatus.NOT_FOUND, "There is no such post.")
        return JSONResponse({**self.classroom.view(visitor.person.key, post), "csrf": visitor.session.csrf})

    def write(self, request: Request, document: Any) -> Response:
        """Keeps an event."""
        visitor = self._need_writer(request, request.headers.get("x-csrf-token", ""))
        if not isinstance(document, dict):
            raise RequestRefused(HTTPStatus.UNPROCESSABLE_ENTITY, "The request is no event.")
        answer = self.classroom.write(visitor.person.key, request.path_params["post"], document)
        return JSONResponse(dict(answer.body), status_code=answer.status)

    def preview(self, request: Request, document: Any) -> Response:
        """How a comment will look, and whether it tells who writes it."""
        visitor = self._need_writer(request, request.headers.get("x-csrf-token", ""))
        text = str(document.get("text", ""))[:20_000] if isinstance(document, dict) else ""
        found = leaks_in_text(text, identity_of([visitor.person]), "")
        return JSONResponse({"html": to_html(text), "warnings": list(dict.fromkeys(leak.what for leak in found))})

    # --- staff

    def _post_states(self) -> dict[str, PostState]:
        return fold(self.classroom.store.all(), staff=self.classroom.staff, authors=self.classroom.authors)

    def _scores_and_progress(self, states: Mapping[str, PostState]) -> tuple[Any, Any]:
        """(scores, progress) as of now."""
        room = self.classroom
        posts = sorted({pair.post for pair in room.pairs} | set(states))
        seed = room.rounds[-1].seed if room.rounds else 0
        today = datetime.now(UTC).date().isoformat()
        return (
            score_posts(
                states, posts, room.roster, room.rubrics[-1], pairs=room.pairs, seed=seed, versions=room.rubrics
            ),
            progress(states, room.pairs, room.due, today=today),
        )

    def staff(self, request: Request) -> Response:
        """Who has started, submitted, is late; scores, what to read again; overrides and judgements."""
        visitor = self._need_reader(request)
        self._need_staff(visitor, Action.SEE_STAFF_PAGES)
        scores, rows = self._scores_and_progress(self._post_states())
        people = self.classroom.roster.by_key()
        unknown = Person(key="", name="(left the roster)", email="")

        def name(pair: Pair) -> str:
            return people.get(pair.reviewer, unknown).name

        which: dict[str, Callable[[Any], bool]] = {
            "submitted": lambda row: bool(row.submitted),
            "started": lambda row: row.started and not row.submitted,
            "late": lambda row: row.late,
        }
        counts = {name: sum(map(is_one, rows)) for name, is_one in which.items()} | {"all": len(rows)}
        show = request.query_params.get("show", "")
        if show in which:
            rows = [row for row in rows if which[show](row)]
        points, csrf = self.classroom.rubrics[-1].points, visitor.session.csrf
        return self._html_page(
            "staff.html",
            scores=scores,
            rows=rows,
            name=name,
            letter=lambda pair: self.classroom.label(pair.reviewer, pair.post),
            counts=counts,
            points=points,
            csrf=csrf,
            show=show if show in which else "",
        )

    def report(self, request: Request) -> Response:
        """The report as a download."""
        self._need_staff(self._need_reader(request), Action.SEE_STAFF_PAGES)
        scores, rows = self._scores_and_progress(self._post_states())
        is_csv = request.url.path.endswith(".csv")
        write = report_csv if is_csv else report_markdown
        text = write(scores, rows, self.classroom.roster, self.classroom.rubrics[-1])
        kind = "text/csv" if is_csv else "text/markdown"
        name = "reviews.csv" if is_csv else "reviews.md"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return PlainTextResponse(text, media_type=kind, headers=headers)

    def record(self, request: Request) -> Response:
        """What was submitted and stands, as JSON lines."""
        self._need_staff(self._need_reader(request), Action.SEE_STAFF_PAGES)
        headers = {"Content-Disposition": 'attachment; filename="record.jsonl"'}
        return PlainTextResponse(
            to_lines(self.classroom.standing()), media_type="application/x-ndjson", headers=headers
        )

    def override(self, request: Request, form: dict[str, str]) -> Response:
        """Sets a post's score, with a reason."""
        return self._write_staff_event(request, form, EventType.OVERRIDE, {})

    def judge(self, request: Request, form: dict[str, str]) -> Response:
        """Judges a review, with a reason."""
        person = f"urn:blogkit:person:{form.get('person', '')}"
        return self._write_staff_event(request, form, EventType.JUDGEMENT, {"blogkit:person": person})

    def _write_staff_event(
        self, request: Request, form: dict[str, str], kind: EventType, more: Mapping[str, Any]
    ) -> Response:
        import uuid

        visitor = self._need_writer(request, form.get("csrf", ""))
        self._need_staff(visitor, Action.OVERRULE)
        try:
            score = float(form.get("score", ""))
        except ValueError:
            raise RequestRefused(HTTPStatus.UNPROCESSABLE_ENTITY, "The score is no number.") from None
        event = {
            "id": f"urn:uuid:{uuid.uuid4()}",
            "type": str(kind),
            "blogkit:score": score,
            "blogkit:reason": form.get("reason", "").strip(),
            "confirmed": True,
            **more,
        }
        answer = self.classroom.write(visitor.person.key, form.get("post", ""), event)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise RequestRefused(answer.status, str(answer.body["message"]))
        return RedirectResponse("/staff", status_code=303)

    def health(self, _request: Request) -> Response:
        """Whether the database answers."""
        self.database.session("")
        return PlainTextResponse("ok\n")
