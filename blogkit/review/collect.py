"""Bringing records together: files from bundles, the server's record, and what was collected before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from blogkit import store
from blogkit.review.record import Event, merge, parse_event, read_record, to_lines


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What a collection came to."""

    path: Path
    events: int
    """In the record now."""
    new: int
    altered: tuple[str, ...]
    """Ids under which two different events were found; one of the two is kept, always the same."""

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.events} event{'' if self.events == 1 else 's'}, {self.new} of them new."]
        changed = "was changed by hand in one of the files; one version of it is kept."
        return "\n".join([*lines, *(f"    {event} {changed}" for event in self.altered)])


def collect(files: Sequence[Path], into: Path, *, more: Iterable[Event] = ()) -> Collected:
    """The union of files, of ``more`` events, and of what ``into`` holds already, written to ``into``.

    Doing it twice, or in another order, leaves the same bytes. Raises ConfigError with every line that is no event.
    """
    before = read_record(into) if into.is_file() else ()
    merged = merge(before, more, *(read_record(file) for file in files))
    store.write_if_changed(into, to_lines(merged.events))
    new = len(merged.events) - len({event.id for event in before})
    return Collected(path=into, events=len(merged.events), new=new, altered=merged.altered)


def without_times(events: Iterable[Event]) -> tuple[Event, ...]:
    """The same events with their times cut to the day: a time of writing can give a reviewer away.

    Each chain keeps its order, since the events of one post on one day are numbered by their millisecond. They come
    post by post: in the order of all, whoever wrote on two posts in a row would be seen to be one person.
    """
    days: dict[tuple[str, str], int] = {}
    cut: list[Event] = []
    for event in sorted(events, key=lambda event: event.order):
        day = event.created[:10]
        number = days[event.post, day] = days.get((event.post, day), -1) + 1
        second, milli = divmod(number, 1000)
        time = f"{day}T{second // 3600:02d}:{second % 3600 // 60:02d}:{second % 60:02d}.{milli:03d}Z"
        cut.append(replace(event, document=parse_event({**event.document, "created": time}).document))
    return tuple(sorted(cut, key=lambda event: (event.post, event.order)))
