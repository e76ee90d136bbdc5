"""Where the files of a class's review lie: one folder, kept out of git because it says who is who."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from blogkit import store
from blogkit.errors import StoreError


@dataclass(frozen=True, kw_only=True)
class ReviewFolder:
    """Every path of a review, by name; by default ``.blogkit/review`` of the site."""

    root: Path

    @property
    def secret_file(self) -> Path:
        """32 random bytes: they make people's keys and sign links. Whoever has them can unmask reviewers."""
        return self.root / "secret"

    @property
    def roster(self) -> Path:
        """The roster that was given last, as it was given."""
        return self.root / "roster.csv"

    @property
    def assignments(self) -> Path:
        return self.root / "assignments.json"

    @property
    def record(self) -> Path:
        """Everything collected so far."""
        return self.root / "record.jsonl"

    @property
    def database(self) -> Path:
        return self.root / "review.db"

    @property
    def settings(self) -> Path:
        """What the review remembers of itself: which database it is kept in."""
        return self.root / "review.yml"

    @property
    def posts(self) -> Path:
        """Anonymised revisions: ``NAME/REVISION.html`` and ``NAME/revisions.json``."""
        return self.root / "posts"

    @property
    def has_begun(self) -> bool:
        """Whether something is there that people's keys stand in: rounds, a record, or a database."""
        return any(path.is_file() for path in (self.assignments, self.record, self.database))

    def secret(self) -> bytes:
        """The class's secret, made at the first call and readable by its owner alone.

        Raises StoreError when it is missing or damaged although the review has begun: a new one would make every
        link and session invalid and every reviewer unknown.
        """
        if not self.secret_file.is_file():
            if self.has_begun:
                hint = (
                    "Bring back `secret` from a copy of this folder (32 bytes, readable by its owner alone): people's"
                    " keys, links and sessions depend on it. Without it nobody can tell who wrote what."
                )
                raise StoreError("is missing, though the review has begun.", hint=hint, path=self.secret_file)
            self.make_secret()
        data = self.secret_file.read_bytes()
        if len(data) < 32:
            hint = "Bring it back from a copy of this folder: people's keys, links and sessions depend on it."
            if not self.has_begun:
                hint = "Remove it: no review has begun, and the next command makes a new one."
            raise StoreError("is damaged.", hint=hint, path=self.secret_file)
        return data

    def make_secret(self) -> None:
        """A new secret, where there is none."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)
            with open(self.secret_file, "xb", opener=_open_private) as stream:
                stream.write(secrets.token_bytes(32))
        except FileExistsError:
            pass
        except OSError as error:
            raise StoreError(f"could not be written: {error.strerror}.", path=self.secret_file) from error


def _open_private(path: str, flags: int) -> int:
    import os

    return os.open(path, flags, 0o600)


def keep_roster(folder: ReviewFolder, text: str) -> None:
    """The roster beside the record, so that the server and the report know it too."""
    store.write_text(folder.roster, text)
    folder.roster.chmod(0o600)
