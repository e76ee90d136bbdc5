"""Work on several projects, where what is wrong with one stops no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from blogkit.errors import BlogkitError, NotStored, ProjectError, StoreError, ToolMissing
from blogkit.model import Project


class SeveralErrors(BlogkitError):
    """What is wrong with several projects, each by its own error."""

    def __init__(self, errors: Sequence[BlogkitError]) -> None:
        super().__init__(tuple(errors))
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class Several:
    """Keeps the errors of single projects while the work on the others goes on.

    ::

        several = Several()
        for project in projects:
            with several.going_on(project):
                ...
        several.raise_errors()
    """

    def __init__(self) -> None:
        self.errors: list[BlogkitError] = []

    @contextmanager
    def going_on(self, project: Project | None = None) -> Iterator[None]:
        """Keeps an error of one project. What stops every project alike, a missing tool or a full disk, is raised.

        It is raised with what was kept before, so that no error goes unsaid.
        """
        try:
            yield
        except NotStored as error:
            self.errors.append(error)
        except (ToolMissing, StoreError) as error:
            if not self.errors:
                raise
            raise SeveralErrors([*self.errors, error]) from error
        except BlogkitError as error:
            self.errors.append(error)
        except (OSError, ValueError, RecursionError) as error:
            path = project.folder if project else None
            self.errors.append(ProjectError(f"could not be read: {type(error).__name__}: {error}.", path=path))

    def raise_errors(self) -> None:
        """Raises what was kept: one error as it is, several as one."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise SeveralErrors(self.errors)
