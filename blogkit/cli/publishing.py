"""Verbs that hand a post in: check, publish."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blogkit.cli import app
from blogkit.cli.here import site_here
from blogkit.cli.words import file_size
from blogkit.several import Several

if TYPE_CHECKING:
    from blogkit.check import Profile, Report
    from blogkit.model import Release, Site

ProfileOption = Annotated[
    str | None, typer.Option("--profile", metavar="NAME|FILE", help="The venue; by default what the site says.")
]
Browser = Annotated[bool, typer.Option("--browser", help="Open it in Chromium too, with the network shut.")]


class Format(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    CSV = "csv"


class FailOn(StrEnum):
    """The least finding that makes the command fail."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"
    NEVER = "never"


class Target(StrEnum):
    """Where a post is published to."""

    ZIP = "zip"
    FOLDER = "folder"
    SINGLE_HTML = "single-html"
    GH_PAGES = "gh-pages"


@app.command()
def check(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROJECT|PATH]...", help="Projects, or any zip, folder or page; else all."),
    ] = None,
    profile: ProfileOption = None,
    browser: Browser = False,
    format: Annotated[Format, typer.Option("--format", help="For people, scripts, code hosts, a class.")] = Format.TEXT,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="Exit 1 from this level on.")] = FailOn.ERROR,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="CODE", help="Say what a rule asks and why; `all` lists them.")
    ] = None,
    rubric: Annotated[
        bool, typer.Option("--rubric", help="Print the rubric with what a program can say for each line.")
    ] = False,
    fix: Annotated[bool, typer.Option("--fix", help="First fix what is safe to fix.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="How many at once.")] = None,
    time_limit: Annotated[
        float | None,
        typer.Option("--time-limit", min=1, metavar="SECONDS", help="How long one submission may take: 60, or 180."),
    ] = None,
) -> None:
    """Compare posts with the venue's format."""
    from blogkit import check as checking
    from blogkit.errors import CheckFailed
    from blogkit.model import Level

    if explain is not None:
        _explain(explain, profile)
        return
    if fix:
        what = _fix(what or [], profile)
    several = Several()
    reports = _reports(what or [], profile, browser, jobs, time_limit, several)
    if rubric:
        sys.stdout.write(checking.as_rubric(reports))
        several.raise_errors()
        return
    write = {
        Format.TEXT: checking.as_text,
        Format.JSON: checking.as_json,
        Format.GITHUB: checking.as_github,
        Format.CSV: checking.as_csv,
    }[format]
    sys.stdout.write(write(reports))
    if fail_on is not FailOn.NEVER and any(report.fails(Level(fail_on.value)) for report in reports):
        errors, warnings = (sum(report.count(level) for report in reports) for level in (Level.ERROR, Level.WARNING))
        several.errors.append(CheckFailed(errors, warnings))
    several.raise_errors()


def _fix(what: list[str], profile: str | None) -> list[str]:
    """Fixes each thing, says so on stderr, and gives what is to be checked then."""
    from blogkit import check as checking
    from blogkit.pipeline import fix_projects

    names = [one for one in what if not _is_submission(Path(one))]
    site = site_here(whole=False)
    unfit = Several()  # what is wrong with a project is said when it is checked
    done = fix_projects(site, names, profile=profile, several=unfit) if names or not what else []
    then = list(names)
    for one in what:
        if _is_submission(Path(one)):
            fixed = checking.apply_fixes(Path(one), profile=checking.load(profile or _default_profile()))
            done.append((one, fixed))
            then.append(str(fixed.path) if Path(one).suffix == ".zip" else one)
    for name, fixed in done:
        for sentence in fixed.said:
            print(f"{name}: {sentence}", file=sys.stderr)
        if not fixed.said:
            print(f"{name}: there was nothing that is safe to fix.", file=sys.stderr)
    return then


def _explain(name: str, profile: str | None) -> None:
    from blogkit import check as checking
    from blogkit.errors import ProjectError

    try:
        chosen = checking.load(profile) if profile else _site_profile(site_here(whole=False))
    except ProjectError:  # outside of a site the default venue is meant
        chosen = checking.load("mit-6.7960")
    if name.lower() != "all":
        print(checking.explain(name, chosen), end="")
        return
    for rule in checking.all_rules().values():
        level = chosen.level(rule.name)
        print(f"{rule.code}  {level.value if level else 'off':<8} {rule.name:<16} {rule.says}")


def _site_profile(site: Site) -> Profile:
    from blogkit import check as checking

    return checking.load(site.config.profile, site.root)


def _reports(
    what: list[str], profile: str | None, browser: bool, jobs: int | None, seconds: float | None, several: Several
) -> list[Report]:
    """A report for each thing named: paths that are no project are taken as they are."""
    from blogkit import check as checking
    from blogkit.pipeline import check_projects

    paths = [Path(one) for one in what if _is_submission(Path(one))]
    names = [one for one in what if not _is_submission(Path(one))]
    reports: list[Report] = []
    if names or not what:
        site = site_here(names)
        _say_drafts(site, names)
        reports += check_projects(site, names, profile=profile, browser=browser, several=several)
    if paths:
        chosen = checking.load(profile or _default_profile())
        reports += checking.check_paths(paths, profile=chosen, browser=browser, workers=jobs, seconds=seconds)
    return reports


def _default_profile() -> str:
    from blogkit.errors import BlogkitError

    try:
        site = site_here(whole=False)
    except BlogkitError:
        return "mit-6.7960"
    own = site.root / site.config.profile
    return str(own) if own.is_file() else site.config.profile


def _is_submission(path: Path) -> bool:
    """Whether an argument is a zip, a page or a folder with one, and not a project."""
    if path.is_file():
        return True
    if path.is_dir():
        return not any((path / name).exists() for name in ("index.qmd", "index.ipynb", "_quarto.yml"))
    return path.suffix.lower() in {".zip", ".html", ".htm"}


@app.command()
def publish(
    projects: Annotated[
        list[str] | None, typer.Argument(metavar="[PROJECT]...", help="All when none is named.")
    ] = None,
    to: Annotated[Target, typer.Option("--to", help="What to make of it; gh-pages takes the whole site.")] = Target.ZIP,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="By default in _submissions/.")
    ] = None,
    profile: ProfileOption = None,
    browser: Annotated[
        bool | None, typer.Option("--browser/--no-browser", help="Open what was made in Chromium; if there is one.")
    ] = None,
    branch: Annotated[str, typer.Option("--branch", help="The branch of --to gh-pages.")] = "gh-pages",
    remote: Annotated[str, typer.Option("--remote", help="The remote of --to gh-pages.")] = "origin",
    push: Annotated[bool, typer.Option("--push/--no-push", help="Push the branch, or only commit to it.")] = True,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace another site that the branch of --to gh-pages holds.")
    ] = False,
) -> None:
    """Hand a post over, checked against the venue's error rules first. Drafts stay out, unless they are named."""
    from blogkit.pipeline import publish_projects, publish_site

    site = site_here(projects)
    _say_drafts(site, projects or [])
    if to is Target.GH_PAGES:
        if projects or output:
            from blogkit.errors import ConfigError, Problem

            hint = "Leave out the project and --output; --to folder takes one post."
            raise ConfigError([Problem(message="gh-pages takes the whole site.", hint=hint)])
        release = publish_site(site, remote=remote, branch=branch, profile=profile, push=push, replace_other=replace)
        where = f"branch {branch} of {remote}" if push else f"branch {branch}, not pushed"
        found = f"; readers find it at {release.address}" if release.address and push else ""
        _print_notes(release)
        print(f"site: {where}, {release.files} files, {file_size(release.bytes)}{found}")
        return
    several = Several()
    for release in publish_projects(
        site, projects or [], target=to.value, destination=output, profile=profile, browser=browser, several=several
    ):
        _print_notes(release)
        print(_release_words(release))
    several.raise_errors()


def _say_drafts(site: Site, names: list[str]) -> None:
    """Names the drafts that a command leaves out."""
    from blogkit.pipeline import drafts

    for project in () if names else drafts(site, site.projects):
        print(f"{project.name}: a draft, left out.", file=sys.stderr)


def _print_notes(release: Release) -> None:
    for note in release.notes:
        print(f"warning: {note}", file=sys.stderr)


def _release_words(release: Release) -> str:
    from blogkit.check.report import shown_path

    files = f"{release.files} file" if release.files == 1 else f"{release.files} files"
    return f"{release.project or 'site'}: {shown_path(release.path)}, {files}, {file_size(release.bytes)}"
