"""What a site itself names reaches its output and the branch: resources, its icon, and files for the host."""

from __future__ import annotations

import subprocess
from pathlib import Path

from blogkit.config import load_site
from blogkit.pipeline import publish_site
from blogkit.render import render_site
from blogkit.render.made import made_files
from tests.files import site_tree, write_tree

QUARTO = """
project:
  type: website
  resources: [data.csv, extra, "more/*.txt", "!more/draft.txt", ../outside.txt]
website:
  title: Class
  favicon: images/icon.svg
"""
FILES: dict[str, str | bytes] = {
    "data.csv": "a,b\n",
    "extra/deep/a.bin": b"\x00\x01",
    "extra/.secret": "hidden",
    "more/a.txt": "a",
    "more/draft.txt": "no",
    "more/b.md": "no",
    "images/icon.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    "CNAME": "blog.example.org\n",
    "robots.txt": "User-agent: *\n",
    "unnamed.txt": "no",
}
REACH = {"data.csv", "extra/deep/a.bin", "more/a.txt", "images/icon.svg", "CNAME", "robots.txt"}


def make_site(root: Path) -> Path:
    write_tree(root, {**site_tree({"p": {}}, QUARTO.lstrip()), **FILES})
    (root.parent / "outside.txt").write_text("no")
    return root


def test_what_the_site_names_is_in_its_output_and_goes_with_its_name(tmp_path: Path) -> None:
    root = make_site(tmp_path / "site")
    site = load_site(root)
    render_site(site)
    there = {path.relative_to(site.output).as_posix() for path in site.output.rglob("*") if path.is_file()}
    assert there >= REACH
    assert not there & {"extra/.secret", "more/draft.txt", "more/b.md", "unnamed.txt", "outside.txt"}
    assert (made_files(site) or frozenset()) >= REACH
    page = (site.output / "projects" / "p" / "index.html").read_text()
    assert '<link rel="icon" href="../../images/icon.svg">' in page
    (root / "robots.txt").unlink()
    (root / "_quarto.yml").write_text(QUARTO.lstrip().replace("data.csv, ", ""))
    render_site(load_site(root))
    left = {path.relative_to(site.output).as_posix() for path in site.output.rglob("*") if path.is_file()}
    assert left & REACH == REACH - {"robots.txt", "data.csv"}


def test_they_reach_the_branch_and_the_hosts_own_domain_stays(tmp_path: Path) -> None:
    root = make_site(tmp_path / "site")
    (root / "CNAME").unlink()

    def git(*words: str, at: Path = root) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return subprocess.run(["git", *who, *words], cwd=at, check=True, capture_output=True, text=True).stdout

    git("init", "-q", "--bare", str(tmp_path / "remote.git"))
    git("init", "-q", "-b", "main")
    for name, value in (("user.name", "A"), ("user.email", "a@example.org")):
        git("config", name, value)
    git("remote", "add", "origin", str(tmp_path / "remote.git"))
    (root / ".gitignore").write_text("_site\n.blogkit\n")
    git("add", "-A")
    git("commit", "-qm", "Site")
    publish_site(load_site(root), profile="plain")
    git("clone", "-q", "-b", "gh-pages", str(tmp_path / "remote.git"), str(tmp_path / "host"))
    host = tmp_path / "host"
    assert {"robots.txt", "data.csv"} <= set(git("ls-files", at=host).split())
    (host / "CNAME").write_text("blog.example.org\n")
    git("add", "CNAME", at=host)
    git("commit", "-qm", "Create CNAME", at=host)
    git("push", "-q", at=host)
    post = root / "projects" / "p" / "index.qmd"
    post.write_text(post.read_text() + "\nMore words.\n")
    publish_site(load_site(root), profile="plain")
    git("pull", "-q", at=host)
    assert (host / "CNAME").read_text() == "blog.example.org\n"
    assert "More words" in (host / "projects" / "p" / "index.html").read_text()
