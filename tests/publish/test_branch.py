"""A site on a branch: one commit on top of the last, never by force, never over somebody else's."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from blogkit.errors import ProjectError, ToolFailed
from blogkit.model import Site
from blogkit.publish.branch import MESSAGE, _some, pages_address, publish_branch
from tests.check.sites import manifest, site


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site in a repository with a remote, as a student has it."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@host.edu")
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    made = site(tmp_path / "work")
    (made.root / ".gitignore").write_text("_site/\n")
    git(made.root, "init", "-q", "-b", "main")
    git(made.root, "add", ".")
    git(made.root, "commit", "-q", "-m", "Sources")
    git(made.root, "remote", "add", "origin", str(tmp_path / "remote.git"))
    return made


def remote(where: Site) -> Path:
    return where.root.parent / "remote.git"


def commits(where: Site, branch: str = "gh-pages") -> list[str]:
    return git(remote(where), "log", "--format=%s", branch).splitlines()


def test_the_branch_holds_the_site_and_nothing_of_the_sources(where: Site) -> None:
    release = publish_branch(where, manifest(where))
    files = git(remote(where), "ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert ".nojekyll" in files and "index.html" in files and "projects/width/index.html" in files
    assert not [name for name in files if name.endswith((".qmd", ".yml"))]
    assert release.files == len(files)
    assert git(where.root, "rev-parse", "HEAD") in git(remote(where), "log", "-1", "--format=%B", "gh-pages")
    assert git(where.root, "status", "--porcelain") == ""


def test_the_second_time_is_a_commit_on_top_of_the_first(where: Site) -> None:
    publish_branch(where, manifest(where))
    (where.output / "index.html").write_text("<!DOCTYPE html><title>New</title>")
    publish_branch(where, manifest(where))
    assert commits(where) == [MESSAGE, MESSAGE]
    assert "New" in git(remote(where), "show", "gh-pages:index.html")


def test_a_page_that_is_gone_from_the_site_is_gone_from_the_branch(where: Site) -> None:
    publish_branch(where, manifest(where))
    (where.output / "projects/other/index.html").unlink()
    publish_branch(where, manifest(where))
    assert "projects/other/index.html" not in git(remote(where), "ls-tree", "-r", "--name-only", "gh-pages")


def test_what_a_classmate_published_since_is_built_upon(where: Site, tmp_path: Path) -> None:
    publish_branch(where, manifest(where))
    git(tmp_path, "clone", "-q", "-b", "gh-pages", str(remote(where)), "other")
    (tmp_path / "other" / "index.html").write_text("theirs")
    git(tmp_path / "other", "commit", "-q", "-a", "-m", f"{MESSAGE}\n\nFrom elsewhere.")
    git(tmp_path / "other", "push", "-q")
    publish_branch(where, manifest(where))
    assert commits(where) == [MESSAGE] * 3


def test_a_branch_of_somebody_else_is_refused_and_stays(where: Site, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(remote(where)), "other")
    other = tmp_path / "other"
    git(other, "checkout", "-q", "-b", "gh-pages")
    (other / "thesis.html").write_text("years of work")
    git(other, "add", ".")
    git(other, "commit", "-q", "-m", "My thesis")
    git(other, "push", "-q", "origin", "gh-pages")
    with pytest.raises(ProjectError, match='its last commit is "My thesis"'):
        publish_branch(where, manifest(where))
    assert commits(where) == ["My thesis"]
    publish_branch(where, manifest(where), branch="posts")
    assert commits(where, "posts") == [MESSAGE]


def test_a_local_branch_of_somebody_else_is_not_thrown_away(where: Site) -> None:
    git(where.root, "branch", "gh-pages")
    with pytest.raises(ProjectError, match='its last commit is "Sources"'):
        publish_branch(where, manifest(where))
    assert git(where.root, "log", "-1", "--format=%s", "gh-pages") == "Sources"


def test_a_push_that_the_remote_refuses_is_reported(where: Site) -> None:
    hook = remote(where) / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho this branch is protected >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ToolFailed, match="this branch is protected"):
        publish_branch(where, manifest(where))


def test_without_a_push_there_is_only_the_commit(where: Site) -> None:
    git(where.root, "remote", "remove", "origin")
    with pytest.raises(ProjectError, match="has no remote 'origin'"):
        publish_branch(where, manifest(where))
    publish_branch(where, manifest(where), push=False)
    assert git(where.root, "log", "-1", "--format=%s", "gh-pages") == MESSAGE


def test_a_folder_without_git_and_a_checkout_of_the_branch_itself_get_an_error_message(
    tmp_path: Path, where: Site
) -> None:
    alone = site(tmp_path / "alone")
    with pytest.raises(ProjectError, match="is in no git repository"):
        publish_branch(alone, manifest(alone))
    git(where.root, "checkout", "-q", "-b", "gh-pages")
    with pytest.raises(ProjectError, match="stands on gh-pages itself"):
        publish_branch(where, manifest(where))


def test_an_address_from_the_hosts_root_is_refused_since_the_site_lies_below_it(where: Site) -> None:
    (where.output / "index.html").write_text('<!DOCTYPE html><img src="/logo.png" alt="">')
    with pytest.raises(ProjectError, match="the root of the host and not of the site"):
        publish_branch(where, manifest(where))


@pytest.mark.parametrize(
    ("address", "site_address"),
    [
        ("git@github.com:Ada/blog.git", "https://ada.github.io/blog/"),
        ("https://github.com/ada/ada.github.io", "https://ada.github.io/"),
        ("https://gitlab.com/ada/blog.git/", "https://ada.gitlab.io/blog/"),
        ("/srv/git/blog.git", ""),
    ],
)
def test_the_sites_address_follows_from_the_remotes(address: str, site_address: str) -> None:
    assert pages_address(address) == site_address


# --- whose site it is -------------------------------------------------------------------------------------------------


def tree_of_branch(where: Site) -> list[str]:
    return git(remote(where), "ls-tree", "-r", "--name-only", "gh-pages").splitlines()


def other_site(tmp_path: Path, where: Site, folder: str = "next-year") -> Site:
    """Another class's site in a repository of its own, which pushes to the same place."""
    made = site(tmp_path / folder)
    (made.root / "about.qmd").write_text("# Another class\n")
    (made.root / ".gitignore").write_text("_site/\n")
    git(made.root, "init", "-q", "-b", "main")
    git(made.root, "add", ".")
    git(made.root, "commit", "-q", "-m", "Other sources")
    git(made.root, "remote", "add", "origin", str(remote(where)))
    return made


def test_another_site_on_the_branch_is_refused_and_stays_until_it_is_to_be_replaced(
    where: Site, tmp_path: Path
) -> None:
    publish_branch(where, manifest(where))
    other = other_site(tmp_path, where)
    (other.output / "new.html").write_text("<!DOCTYPE html><title>New</title>")
    with pytest.raises(ProjectError, match=r"(?s)holds another site \(projects/other/index.html.*--replace"):
        publish_branch(other, manifest(other))
    assert commits(where) == [MESSAGE] and "new.html" not in tree_of_branch(where)
    publish_branch(other, manifest(other), replace_other=True)
    assert commits(where) == [MESSAGE, MESSAGE] and "new.html" in tree_of_branch(where)
    with pytest.raises(ProjectError, match="holds another site"):
        publish_branch(where, manifest(where))


def test_a_second_site_in_the_same_repository_is_another_site(where: Site) -> None:
    publish_branch(where, manifest(where))
    second = site(where.root / "second")
    with pytest.raises(ProjectError, match="holds another site"):
        publish_branch(second, manifest(second))


def test_a_clone_of_the_repository_publishes_the_same_site(where: Site, tmp_path: Path) -> None:
    publish_branch(where, manifest(where))
    git(where.root, "push", "-q", "origin", "main")
    for name, depth in (("whole", ()), ("shallow", ("--depth", "1"))):
        git(tmp_path, "clone", "-q", *depth, "-b", "main", f"file://{remote(where)}", name)
        clone = site(tmp_path / name, more={f"_site/{name}.html": "<!DOCTYPE html><title>More</title>"})
        publish_branch(clone, manifest(clone))
        assert f"{name}.html" in tree_of_branch(where)


def test_a_branch_of_an_older_blogkit_is_known_by_its_posts(where: Site, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(remote(where)), "older")
    older = tmp_path / "older"
    git(older, "checkout", "-q", "-b", "gh-pages")
    (older / "projects" / "gone").mkdir(parents=True)
    (older / "projects/gone/index.html").write_text("a post")
    git(older, "add", ".")
    git(older, "commit", "-q", "-m", f"{MESSAGE}\n\nFrom {'1' * 40}.")
    git(older, "push", "-q", "origin", "gh-pages")
    with pytest.raises(ProjectError, match=r"holds another site \(projects/gone/index.html\)"):
        publish_branch(where, manifest(where))
    (older / "projects" / "width").mkdir()
    (older / "projects/width/index.html").write_text("a post")
    git(older, "add", ".")
    git(older, "commit", "-q", "-m", f"{MESSAGE}\n\nFrom {'1' * 40}.")
    git(older, "push", "-q", "origin", "gh-pages")
    publish_branch(where, manifest(where))
    assert "projects/gone/index.html" not in tree_of_branch(where)


def test_what_the_host_puts_on_the_branch_stays_through_every_publication(where: Site, tmp_path: Path) -> None:
    publish_branch(where, manifest(where))
    git(tmp_path, "clone", "-q", "-b", "gh-pages", str(remote(where)), "host")
    host = tmp_path / "host"
    (host / "CNAME").write_bytes(b"blog.example.org\r\n")
    git(host, "add", "CNAME")
    git(host, "commit", "-q", "-m", "Create CNAME")
    git(host, "push", "-q")
    for number in range(3):
        (where.output / "index.html").write_text(f"<!DOCTYPE html><title>{number}</title>")
        release = publish_branch(where, manifest(where))
        assert git(remote(where), "show", "gh-pages:CNAME") == "blog.example.org"
        assert f"<title>{number}</title>" in git(remote(where), "show", "gh-pages:index.html")
        assert release.files == len(tree_of_branch(where))
    other = other_site(tmp_path, where)
    publish_branch(other, manifest(other), replace_other=True)
    assert "CNAME" in tree_of_branch(where)


def test_a_page_that_somebody_changed_on_the_branch_is_not_overwritten(where: Site, tmp_path: Path) -> None:
    publish_branch(where, manifest(where))
    git(tmp_path, "clone", "-q", "-b", "gh-pages", str(remote(where)), "host")
    (tmp_path / "host/index.html").write_text("by hand")
    git(tmp_path / "host", "commit", "-q", "-a", "-m", "Update index.html")
    git(tmp_path / "host", "push", "-q")
    with pytest.raises(ProjectError, match=r'changed by somebody .*\(index.html\): its last commit is "Update'):
        publish_branch(where, manifest(where))
    assert git(remote(where), "show", "gh-pages:index.html") == "by hand"
    publish_branch(where, manifest(where), replace_other=True)
    assert git(remote(where), "show", "gh-pages:index.html") != "by hand"


def test_a_site_that_did_not_change_makes_no_commit(where: Site) -> None:
    publish_branch(where, manifest(where))
    tip = git(remote(where), "rev-parse", "gh-pages")
    (where.root / "notes.txt").write_text("the sources changed, the site did not")
    git(where.root, "add", ".")
    git(where.root, "commit", "-q", "-m", "Notes")
    release = publish_branch(where, manifest(where))
    assert git(remote(where), "rev-parse", "gh-pages") == tip == git(where.root, "rev-parse", "gh-pages")
    assert "no new commit" in release.notes[0]


def test_only_what_the_site_holds_is_published_and_large_files_are_named(where: Site) -> None:
    (where.output / "checkpoint.pt").write_bytes(bytes(26_000_000))
    (where.output / "left.txt").write_text("left over")
    held = frozenset({"index.html", "projects/width/index.html", "checkpoint.pt", "not-there.html"})
    release = publish_branch(where, replace(manifest(where), files=held))
    assert tree_of_branch(where) == [".nojekyll", "checkpoint.pt", "index.html", "projects/width/index.html"]
    assert release.notes == ("checkpoint.pt is a file of 26 MB.",)


@pytest.mark.parametrize(
    ("names", "reported"),
    [("a", "a"), ("cab", "a, b, c"), ("dcab", "a, b, c and 1 more"), ("edcab", "a, b, c and 2 more")],
)
def test_of_many_names_three_are_reported_and_the_others_counted(names: str, reported: str) -> None:
    assert _some(names) == reported
