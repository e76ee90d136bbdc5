"""Signing in by a one-time link, staying signed in, and not too often."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

from blogkit.review.server.database import Database, SignedIn

LINK_DAYS = 14
SESSION_DAYS = 14
COOKIE = "blogkit_review"


def make_link(secret: bytes, person: str) -> str:
    """A token that signs somebody in, once, within a fortnight."""
    return URLSafeTimedSerializer(secret, salt="sign-in").dumps([person, secrets.token_urlsafe(9)])


def read_link(secret: bytes, token: str) -> str | None:
    """Whom a link is for; None when it is not ours or too old. Reading does not use it up: mail scanners read links."""
    try:
        person, _ = URLSafeTimedSerializer(secret, salt="sign-in").loads(token, max_age=LINK_DAYS * 86400)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(person)


def use_link(database: Database, secret: bytes, token: str) -> str | None:
    """Whom a link signs in, the first time; None ever after."""
    person = read_link(secret, token)
    if person is None or not database.use_link(hashlib.sha256(token.encode()).hexdigest()):
        return None
    return person


def open_session(database: Database, person: str) -> str:
    """A new session's token, for the cookie; the database keeps its hash alone."""
    token = secrets.token_urlsafe(32)
    expires = time.time() + SESSION_DAYS * 86400
    database.open_session(_token_hash(token), person, secrets.token_urlsafe(24), expires)
    return token


def find_session(database: Database, token: str | None) -> SignedIn | None:
    """The session of a cookie."""
    return database.session(_token_hash(token)) if token else None


def end_session(database: Database, token: str | None) -> None:
    """Signs out, on this device."""
    if token:
        database.close_session(_token_hash(token))


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def sign_frame(secret: bytes, post: str, revision: str, person: str) -> str:
    """An address of a post's page on the second origin, which has no cookies to know people by."""
    hour = int(time.time() // 3600)
    return URLSafeSerializer(secret, salt="frame").dumps([post, revision, person, hour])


def read_frame(secret: bytes, token: str) -> tuple[str, str] | None:
    """(post, revision) of a signed address of today; None when it is not ours or older."""
    try:
        post, revision, _, hour = URLSafeSerializer(secret, salt="frame").loads(token)
    except (BadSignature, ValueError, TypeError):
        return None
    return (str(post), str(revision)) if int(time.time() // 3600) - int(hour) <= 24 else None


@dataclass
class RateLimit:
    """So many at once, so many a second on the long run, for each of many callers."""

    burst: float
    per_second: float
    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait(self, who: str) -> float:
        """0 when the caller may go on, otherwise the seconds to wait."""
        now = self.clock()
        left, last = self._left.get(who, (self.burst, now))
        left = min(self.burst, left + (now - last) * self.per_second)
        if len(self._left) > 20_000:
            self._left.clear()
        if left < 1:
            self._left[who] = (left, now)
            return (1 - left) / self.per_second
        self._left[who] = (left - 1, now)
        return 0.0
