"""The record of a review: JSON lines of W3C Web Annotations and rubric events, merged by union.

An event is never changed. Editing, deleting, closing and overruling are events themselves, so any two records of the
same class can be merged in any order, any number of times, with the same result. Whoever writes an event makes its id;
the id is also the key by which a repeated write is recognised.

The format is ``schema/review-event.schema.json``; ``docs/review-record.qmd`` tells it in words.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from blogkit import store
from blogkit.errors import ConfigError, Problem

Document = Mapping[str, Any]
"""An event as it stands in a record: a JSON object."""

CONTEXT: list[Any] = ["http://www.w3.org/ns/anno.jsonld", {"blogkit": "urn:blogkit:ns#"}]
SCHEMA = Path(__file__).parent / "schema" / "review-event.schema.json"
PERSON = "urn:blogkit:person:"
POST = "urn:blogkit:post:"


class EventType(StrEnum):
    """What happened."""

    ANNOTATION = "Annotation"
    """A comment on a place of a post, or a reply to one."""
    EDIT = "blogkit:Edit"
    DELETE = "blogkit:Delete"
    CLOSE = "blogkit:Close"
    REOPEN = "blogkit:Reopen"
    SETTLE = "blogkit:Settle"
    """Somebody looked at a comment that had moved, and said where it belongs now (or nowhere)."""
    RUBRIC = "blogkit:Rubric"
    """The whole of a reviewer's rubric as it stood: scores and notes."""
    SUBMIT = "blogkit:Submit"
    REVISION = "blogkit:Revision"
    """The authors published a new rendering."""
    OVERRIDE = "blogkit:Override"
    """Staff set a post's score, with a reason."""
    JUDGEMENT = "blogkit:Judgement"
    """Staff judged a review."""


class Kind(StrEnum):
    """What a comment is for."""

    MUST_FIX = "must-fix"
    SUGGESTION = "suggestion"
    QUESTION = "question"
    PRAISE = "praise"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of a record, with the facts that every reader needs at hand; equal when its document is."""

    document: Document

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def type(self) -> EventType:
        return EventType(self.document["type"])

    @property
    def created(self) -> str:
        """UTC, to the millisecond, as text that sorts by time."""
        return str(self.document["created"])

    @property
    def creator(self) -> str:
        """The person's key, without its prefix."""
        return str(self.document["creator"]).removeprefix(PERSON)

    @property
    def post(self) -> str:
        return str(self.document["blogkit:post"])

    @property
    def revision(self) -> str | None:
        value = self.document.get("blogkit:revision")
        return None if value is None else str(value)

    @property
    def is_reply(self) -> bool:
        return self.document.get("motivation") == "replying"

    @property
    def about(self) -> str | None:
        """The id of the event that this one is about: of the comment replied to, edited, deleted, closed or settled."""
        if self.is_reply:
            return str(self.document["target"]["source"])
        value = self.document.get("blogkit:about")
        return None if value is None else str(value)

    @property
    def previous(self) -> str | None:
        value = self.document.get("blogkit:previous")
        return None if value is None else str(value)

    @property
    def text(self) -> str:
        """The Markdown that was written; empty where the event has none."""
        return str((self.document.get("body") or {}).get("value", ""))

    @property
    def selectors(self) -> tuple[Document, ...]:
        """Where a comment stands; empty for the post as a whole."""
        return tuple((self.document.get("target") or {}).get("selector", ()))

    @property
    def line(self) -> str:
        """The one text of this event: sorted keys, no spaces. The same event gives the same bytes."""
        return json.dumps(self.document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    @property
    def order(self) -> tuple[str, str]:
        return self.created, self.id


def now() -> str:
    """The present moment as an event's ``created``."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_event(
    type_: EventType,
    /,
    *,
    creator: str,
    post: str,
    created: str | None = None,
    event_id: str | None = None,
    **more: Any,
) -> Event:
    """A checked event. ``more`` are further keys, where ``_`` stands for the prefix: ``about`` is ``blogkit:about``.

    ``text`` becomes a Markdown body; ``selector`` a target on the post; ``reply_to`` a target on a comment.
    """
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "id": event_id or f"urn:uuid:{uuid.uuid4()}",
        "type": str(type_),
        "created": created or now(),
        "creator": PERSON + creator,
        "blogkit:post": post,
    }
    if (text := more.pop("text", None)) is not None:
        document["body"] = {"type": "TextualBody", "format": "text/markdown", "value": text}
    reply_to = more.pop("reply_to", None)
    selector = more.pop("selector", None)
    if reply_to is not None:
        document |= {"motivation": "replying", "target": {"source": reply_to}}
    elif type_ is EventType.ANNOTATION or selector is not None:
        if type_ is EventType.ANNOTATION:
            document["motivation"] = "commenting"
        document["target"] = {"source": POST + post, **({"selector": list(selector)} if selector else {})}
    document |= {f"blogkit:{name}": value for name, value in more.items()}
    return parse_event(document)


@cache
def _checker() -> Callable[[Any], str]:
    import fastjsonschema
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    quick = fastjsonschema.compile(schema, use_default=False)  # a tenth of the time
    validator = Draft202012Validator(schema)  # says what is wrong in words for people

    def check(document: Any) -> str:
        try:
            quick(document)
        except fastjsonschema.JsonSchemaValueException as refusal:
            error = best_match(validator.iter_errors(document))
            if error is None:
                return str(refusal.message)[:300]
            place = ".".join(map(str, error.absolute_path)) or "the event"
            return f"{place}: {error.message[:300]}"
        return ""

    return check


class NotAnEvent(ValueError):
    """A document that the schema refuses; the message says where and why."""


def parse_event(document: Any) -> Event:
    """A document as an event. Raises NotAnEvent when the schema refuses it."""
    complaint = _checker()(document)
    if complaint:
        raise NotAnEvent(complaint)
    if _is_deeper_than(document, _DEEPEST):
        raise NotAnEvent(f"it holds lists or objects nested more than {_DEEPEST} deep")
    event = Event(document=document)
    try:
        event.line.encode()
    except UnicodeEncodeError:
        raise NotAnEvent("it holds half a character") from None
    except ValueError:
        raise NotAnEvent("it holds a number that is not finite") from None
    return event


_DEEPEST = 200
"""The same for each Python: what JSON's writer takes before it gives up differs from one version to the next."""


def _is_deeper_than(value: Any, limit: int) -> bool:
    """Whether lists and objects stand in each other more than so many times."""
    level = [value]
    for _ in range(limit + 1):
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [one for several in inner for one in several if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def read_record(path: Path) -> tuple[Event, ...]:
    """Every event of a file. Raises ConfigError with each line that is none.

    A last line without its line feed is one that a crash cut off: it was never acknowledged, and is left out.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        hint = "Name a file that `blogkit review open` or `collect` wrote."
        raise ConfigError([Problem(path=path, message=f"cannot be read: {error.strerror}.", hint=hint)]) from error
    except UnicodeDecodeError as error:
        hint = "Name a file that `blogkit review open` or `collect` wrote."
        raise ConfigError([Problem(path=path, message="is no record: it is not UTF-8 text.", hint=hint)]) from error
    rows = text.split("\n")
    events: list[Event] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows[:-1], start=1):
        if not row.strip():
            continue
        try:
            events.append(parse_event(store.parse_json(row)))
        except ValueError as error:
            problems.append(Problem(path=path, line=number, message=f"is no review event: {error}."))
    if rows[-1].strip():
        with suppress(ValueError):
            events.append(parse_event(store.parse_json(rows[-1])))
    if problems:
        raise ConfigError(problems)
    return tuple(events)


@dataclass(frozen=True, kw_only=True)
class Merged:
    """The union of some records, and what could not be united."""

    events: tuple[Event, ...]
    """By time, then id; each once."""
    altered: tuple[str, ...] = ()
    """Ids under which the records hold different events: somebody changed a line by hand."""


def merge(*records: Iterable[Event]) -> Merged:
    """The union of records: commutative, associative, idempotent.

    Where one id stands for two different events, the one whose line has the smaller hash is kept, whatever the order
    of the records, and the id is named in ``altered``.
    """
    kept: dict[str, Event] = {}
    altered: set[str] = set()
    for record in records:
        for event in record:
            there = kept.setdefault(event.id, event)
            if there.line != event.line:
                altered.add(event.id)
                kept[event.id] = min(there, event, key=lambda one: hashlib.sha256(one.line.encode()).digest())
    events = tuple(sorted(kept.values(), key=lambda event: event.order))
    return Merged(events=events, altered=tuple(sorted(altered)))


def to_lines(events: Iterable[Event]) -> str:
    """The text of a record."""
    return "".join(event.line + "\n" for event in events)


def person_key(secret: bytes, email: str) -> str:
    """The opaque key under which a person stands in records: 16 characters that only ``secret`` can make again."""
    import hmac

    return hmac.new(secret, email.strip().lower().encode(), hashlib.sha256).hexdigest()[:16]
