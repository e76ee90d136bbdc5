"""The venue's format as code: rules over a post, its page, a folder or a zip.

::

    from blogkit.check import check_path
    report = check_path(Path("submission.zip"), profile=load("mit-6.7960"))
    for finding in report.standing: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blogkit.check.evidence import as_rubric, gather_evidence
from blogkit.check.files import Archive, Files, Folder, RefusedSubmission, open_archive
from blogkit.check.post import Fault, Post
from blogkit.check.profile import Profile, bundled_profiles, load_profile
from blogkit.check.report import Report, as_csv, as_github, as_json, as_text, sort_findings
from blogkit.check.rules import Rule, all_rules, find_rule
from blogkit.check.rules.citations import citing_links
from blogkit.check.source import Place, Source
from blogkit.coverage import Coverage
from blogkit.errors import CheckFailed, Problem, ProjectError
from blogkit.links import local_path, resolve
from blogkit.model import Finding, Level, Project, RenderedPage, Site
from blogkit.page import Page
from blogkit.tools.workers import ItemStop, Limits, run_bounded

if TYPE_CHECKING:
    from blogkit.check.browser import OpenInBrowser
    from blogkit.check.fixes import AppliedFixes
    from blogkit.tools.workers import ItemOutcome

__all__ = [
    "Profile",
    "Report",
    "all_rules",
    "apply_fixes",
    "as_csv",
    "as_github",
    "as_json",
    "as_rubric",
    "as_text",
    "bundled_profiles",
    "check_path",
    "check_paths",
    "check_project",
    "explain",
    "find_rule",
    "load",
    "looking",
    "refuse_errors",
]


def load(name: str, beside: Path | None = None) -> Profile:
    """A profile by its name or path. Raises ConfigError with every problem of the file."""
    return load_profile(name, known_rules=frozenset(all_rules()), beside=beside)


def check_project(
    site: Site,
    project: Project,
    page: RenderedPage,
    *,
    profile: Profile | str | None = None,
    browser: bool | OpenInBrowser = False,
    release: Path | None = None,
    coverage: Coverage | None = None,
    stale_results: tuple[str, ...] = (),
) -> Report:
    """What stands in the way of handing in a rendered post; places are lines of its source.

    With ``browser`` the page is opened in Chromium too: in one of its own, or by the :func:`looking` of the caller, who
    has several posts to look at.

    ``release`` is what was published from it, a zip, folder or page, and is looked at in place of the site's page.
    ``coverage`` says how much of the sweep the results hold, ``stale_results`` why they are stale.
    """
    chosen = _profile(profile or site.config.profile, site.root)
    post = _post_of(site, project, page)
    if release is not None:
        post = replace(_open(release), source=post.source, project=project.folder, slug=project.name)
    post = replace(post, coverage=coverage, stale_results=stale_results)
    return _judge(post, chosen, name=project.name, browser=browser)


def _post_of(site: Site, project: Project, page: RenderedPage) -> Post:
    """A rendered post among the other pages of its site."""
    root = site.output if page.output.is_relative_to(site.output) else page.output.parent
    if not page.output.is_file():
        hint = "`blogkit render` makes the page that is checked."
        raise ProjectError("is not rendered yet.", hint=hint, path=project.post)
    return Post(
        path=project.folder,
        files=Folder(root=root),
        page=Page(data=page.output.read_bytes()),
        page_name=page.output.relative_to(root).as_posix(),
        submission=False,
        source=Source(path=project.post),
        project=project.folder,
        root=root,
        slug=project.name,
    )


@contextmanager
def looking(profile: Profile | None = None) -> Iterator[OpenInBrowser]:
    """One Chromium for several posts: what it gives is the ``browser`` of the functions here. Raises ToolMissing.

    With a profile, only what its errors ask for is looked at, which takes half the time.
    """
    from blogkit.check.browser import looking

    errors = frozenset(name for name in all_rules() if profile.level(name) is Level.ERROR) if profile else None
    with looking(errors) as look:
        yield look


def check_path(path: Path, *, profile: Profile | str = "mit-6.7960", browser: bool | OpenInBrowser = False) -> Report:
    """What is wrong with a zip, a folder or a page, also one that blogkit did not make.

    A submission that cannot be opened safely gives a report that says so, and raises nothing.
    """
    chosen = _profile(profile, None)
    try:
        post = _open(path)
        return _judge(post, chosen, name=path.name, browser=browser)
    except (RefusedSubmission, RecursionError) as refusal:
        if isinstance(refusal, RecursionError):
            refusal = RefusedSubmission("is nested too deeply to be read.")
        finding = Finding(
            code="BK100",
            level=Level.ERROR,
            message=f"the submission {refusal}",
            path=path,
            fix=refusal.fix,
        )
        return Report(name=path.name, path=path, profile=chosen, findings=(finding,), refused=str(refusal))


def apply_fixes(
    site_or_path: Site | Path, project: Project | None = None, page: RenderedPage | None = None, *, profile: Profile
) -> AppliedFixes:
    """Fixes what is safe to fix in a project's source, or in a folder, page or zip; says what it did.

    Raises ProjectError for a submission that is refused.
    """
    from blogkit.check.fixes import fix_archive, fix_folder, fix_project

    if isinstance(site_or_path, Path):
        try:
            post = _open(site_or_path)
        except RefusedSubmission as refusal:
            raise ProjectError(f"the submission {refusal}", path=site_or_path) from refusal
        if post.page_name is None:
            raise ProjectError("holds no page to fix.", path=site_or_path)
        if post.root is None:
            return fix_archive(post, profile, _open)
        return fix_folder(post, profile)
    assert project is not None and page is not None
    return fix_project(_post_of(site_or_path, project, page), profile)


def check_paths(
    paths: Sequence[Path],
    *,
    profile: Profile,
    browser: bool = False,
    workers: int | None = None,
    seconds: float | None = None,
) -> Iterator[Report]:
    """The reports of many submissions in the order of ``paths``, made side by side; none stops the others.

    Each is handled in a process that may die: one that takes longer than ``seconds``, or more memory than a page can
    need, gets a report that says so. A browser opens them one after the other; so many are open at once as ``workers``
    says.
    """
    import os

    limits = _limits(browser, seconds)
    wanted = workers or (1 if browser else min(len(paths), os.cpu_count() or 1))
    open_worker = partial(_open_checker, profile, browser)
    outcomes = run_bounded(open_worker, paths, limits=limits, workers=wanted)
    for path, outcome in zip(paths, outcomes, strict=True):
        if outcome.value is not None:
            yield outcome.value
        elif outcome.stop is not None:
            yield _stopped_report(path, profile, outcome)
        else:
            assert outcome.error is not None
            yield _defect_report(path, profile, outcome.error)


def _limits(browser: bool, seconds: float | None) -> Limits:
    """What one submission may take; a browser maps far more memory than it uses, so it has no limit of it."""
    if browser:
        return Limits(seconds=seconds or 180)
    return Limits(seconds=seconds or 60, memory=2_000_000_000)


@contextmanager
def _open_checker(profile: Profile, browser: bool) -> Iterator[Callable[[Path], Report]]:
    """In a worker: the function that checks one submission."""
    all_rules()
    with looking() if browser else nullcontext(False) as look:
        yield lambda path: check_path(path, profile=profile, browser=look)


def _stopped_report(path: Path, profile: Profile, outcome: ItemOutcome[Report]) -> Report:
    """The report of a submission that took more than it may."""
    fix = "Open it by hand. It may be made to stop a checker."
    if outcome.stop is ItemStop.TIME:
        fix = "Open it by hand, or give it longer with --time-limit. It may be made to stop a checker."
    finding = Finding(
        code="BK100",
        level=Level.ERROR,
        message=f"the submission could not be checked: it {outcome.reason}.",
        path=path,
        fix=fix,
    )
    return Report(name=path.name, path=path, profile=profile, findings=(finding,), refused=f"{outcome.reason}.")


def _defect_report(path: Path, profile: Profile, error: Exception) -> Report:
    """The report of a submission over which the check itself failed."""
    finding = Finding(
        code="BK100",
        level=Level.ERROR,
        message=f"the submission could not be checked: {type(error).__name__}: {error}",
        path=path,
        fix="Open it by hand; this is a defect of blogkit that we would like to know.",
    )
    return Report(name=path.name, path=path, profile=profile, findings=(finding,), refused=str(error) or "error")


def refuse_errors(report: Report) -> None:
    """Raises CheckFailed with the error findings of a post that the venue would reject."""
    found = [one for one in report.standing if one.level is Level.ERROR]
    if not found:
        return
    count = "1 error stands" if len(found) == 1 else f"{len(found)} errors stand"
    problems = [
        Problem(
            message=f"{report.name} was not published: {count} against it in {report.profile.title}.",
            hint="Fix this and publish again. `blogkit check` shows the warnings too.",
        )
    ]
    problems += [
        Problem(message=f"{one.code} {one.message}", path=one.path, line=one.line, hint=one.fix or _advice(one.code))
        for one in found
    ]
    raise CheckFailed(len(found), report.count(Level.WARNING), "\n".join(map(str, problems)))


def _advice(code: str) -> str:
    rule = find_rule(code)
    return rule.fix if rule else ""


def explain(name: str, profile: Profile) -> str:
    """What a rule asks, why, how to fix it, and what it is worth in a venue. Raises ProjectError for no such rule."""
    if name.strip().upper() == "BK100":
        return (
            "BK100 submission: The submission can be opened, and safely.\n"
            "Why: archives come from strangers; one that names paths outside itself, holds links, or unpacks to more "
            "than it says is not opened.\nMend: zip the folder's contents again.\n"
        )
    rule = find_rule(name)
    if rule is None:
        from blogkit.config import did_you_mean

        rules = all_rules()
        known = [*rules, *(one.code for one in rules.values())]
        hint = did_you_mean(name, known) or "`blogkit check --explain all` lists them."
        raise ProjectError(f"There is no rule {name!r}.", hint=hint)
    level = profile.level(rule.name)
    criterion = profile.criterion(rule.name)
    lines = [f"{rule.code} {rule.name}: {rule.says}", f"Why:  {rule.why}", f"Fix:  {rule.fix}"]
    weight = f"{level.value} in {profile.name}" if level else f"off in {profile.name}"
    if criterion:
        weight += f'; speaks to "{criterion.title}", {criterion.points} of 100 points'
    lines.append(f"Here: {weight}.")
    if rule.fixable:
        lines.append("`blogkit check --fix` fixes what is safe to fix.")
    if rule.browser:
        lines.append("Only `blogkit check --browser` can tell.")
    lines.append(f"Waive: in the front matter, `blogkit: {{waive: {{{rule.name}: the reason}}}}`.")
    return "\n".join(lines) + "\n"


def _profile(profile: Profile | str, beside: Path | None) -> Profile:
    return profile if isinstance(profile, Profile) else load(profile, beside)


def _open(path: Path) -> Post:
    """A post from whatever lies at a path. Raises Refused."""
    if not path.exists():
        raise RefusedSubmission(
            "is not there.", "Give the path of a zip, a folder or a page, or the name of a project of this site."
        )
    if path.suffix.lower() in {".qmd", ".md", ".ipynb"}:
        hint = "Name its project, which is rendered and checked: `blogkit check NAME`."
        raise RefusedSubmission("is the source of a post; a rendered post is what can be checked.", hint)
    if path.is_dir():
        folder = Folder(root=path)
        name = _page_name(folder.names)
        return Post(
            path=path,
            files=folder,
            page=_page_in(folder, name),
            page_name=name,
            submission=True,
            root=path,
            slug=path.resolve().name,
        )
    if path.suffix.lower() in {".html", ".htm"}:
        folder = Folder(root=path.parent)
        return Post(
            path=path,
            files=folder,
            page=_page_in(folder, path.name),
            page_name=path.name,
            submission=False,
            root=path.parent,
            slug=path.stem if path.stem != "index" else path.resolve().parent.name,
        )
    archive = open_archive(path)
    archive = _rooted(archive)
    name = _page_name(archive.names)
    page = _page_in(archive, name)
    return Post(path=path, files=archive, page=page, page_name=name, submission=True, slug=path.stem)


_LARGEST_SHEET = 100_000
"""Bytes of a style sheet that is read for what it hides."""


def _page_in(files: Files, name: str | None) -> Page:
    """A page that others may have made, read as a browser reads it; an empty one where there is none."""
    if name is None:
        return Page()
    from blogkit.page.foreign import parse_foreign

    def read_sheet(address: str) -> str:
        target = resolve(name, local_path(address)) if local_path(address) else None
        if not target or not files.exists(target) or files.bytes_of(target) > _LARGEST_SHEET:
            return ""
        try:
            return files.read(target).decode("utf-8", "replace")
        except RefusedSubmission:
            return ""

    data = files.read(name)
    return Page(data=data, document=parse_foreign(data, read_sheet))


def _rooted(archive: Archive) -> Archive:
    """The archive seen from the folder that holds its page, so that one wrong level does not hide all else."""
    if "index.html" in archive.entries:
        return archive
    pages = [name for name in archive.entries if name.rsplit("/", 1)[-1] == "index.html" and "__MACOSX" not in name]
    if not pages:
        return archive
    best = min(pages, key=lambda name: (name.count("/"), name))
    archive.prefix = best.removesuffix("index.html")
    return archive


def _page_name(names: frozenset[str]) -> str | None:
    """The page of a submission: index.html, or what was probably meant for it."""
    if "index.html" in names:
        return "index.html"
    html = sorted(
        (name for name in names if name.lower().endswith((".html", ".htm")) and not name.startswith("__MACOSX")),
        key=lambda name: (name.count("/"), not name.lower().startswith("index."), name),
    )
    return html[0] if html else None


def _judge(post: Post, profile: Profile, *, name: str, browser: bool | OpenInBrowser) -> Report:
    """Every rule of a profile over a post."""
    if browser and post.page_name is not None:
        with looking() if browser is True else nullcontext(browser) as look:
            post = replace(post, seen=look(post))
    waivers = _waivers(post)
    findings: list[Finding] = []
    for rule in all_rules().values():
        level = profile.level(rule.name)
        if level is None or (post.page_name is None and rule.name != "one-page"):
            continue
        findings += [_finding(rule, level, fault, post, waivers) for fault in rule.check(post, profile)]
    findings += _idle_waivers(post)
    return Report(
        name=name, path=post.path, profile=profile, findings=sort_findings(findings), facts=_facts(post, profile)
    )


def _finding(rule: Rule, level: Level, fault: Fault, post: Post, waivers: Mapping[str, str]) -> Finding:
    place = fault.place or Place(path=post.path)
    reason = waivers.get(rule.name) or waivers.get(rule.code.lower()) or ""
    return Finding(
        code=rule.code,
        level=level,
        message=" ".join(fault.message.split()),
        path=place.path,
        line=place.line,
        fix=fault.fix,
        waived=reason,
    )


def _waiver_entries(post: Post) -> Mapping[str, Any]:
    block = post.source.metadata.get("blogkit") if post.source is not None else None
    entries = block.get("waive") if isinstance(block, Mapping) else None
    return entries if isinstance(entries, Mapping) else {}


def _waivers(post: Post) -> dict[str, str]:
    """The rules that the front matter waives, with the author's reasons; without a reason nothing is waived."""
    return {str(key).strip().lower(): str(reason).strip() for key, reason in _waiver_entries(post).items() if reason}


def _idle_waivers(post: Post) -> Iterator[Finding]:
    """A waiver of no rule, or without a reason, is reported: it was meant for something."""
    for key, reason in _waiver_entries(post).items():
        assert post.source is not None
        place = post.source.entry("blogkit", "waive", str(key))
        message, fix = "", ""
        if find_rule(str(key)) is None:
            message, fix = (
                f"the waiver names {key!r}, which is no rule.",
                "`blogkit check --explain all` lists the rules.",
            )
        elif not reason:
            message, fix = (
                f"the waiver of {key} gives no reason, so it does not hold.",
                "Write the reason after the colon.",
            )
        if message:
            yield Finding(code="BK100", level=Level.WARNING, message=message, path=place.path, line=place.line, fix=fix)


def _facts(post: Post, profile: Profile) -> dict[str, Any]:
    if post.page_name is None:
        return {}
    page = post.page
    floats = [one for one in page.floats if one.zone == "body"]
    return {
        "title": page.title,
        "authors": list(page.authors),
        "words": page.words,
        "figures": sum(one.kind == "figure" for one in floats),
        "tables": sum(one.kind == "table" for one in floats),
        "evidence": gather_evidence(post, profile),
        "citations": len(citing_links(page)),
        "references": len(page.references),
        "bytes": post.files.size if post.submission else sum(post.files.bytes_of(name) for name in post.reached),
    }
