"""Archives come from strangers: what could do harm is refused with a reason, and nothing is written for it."""

from __future__ import annotations

import io
import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from blogkit.check import Profile, check_path, check_paths, load
from blogkit.check.files import MOST_FILES, RefusedSubmission, open_archive
from blogkit.model import Level
from tests.check.pages import page, submission, zipped, zipped_folder

PROFILE = load("mit-6.7960")


def entry(name: str, *, mode: int = 0, data: bytes = b"x") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.html", "<p>")
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, data)
    return stream.getvalue()


def many() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(10_000):
            archive.writestr(f"{number}.txt", "")
    return stream.getvalue()


def liar(name: str) -> bytes:
    """A page, and a bomb whose table of contents says that it is small."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"\0" * 50_000_000)
        if name != "index.html":
            archive.writestr("index.html", f'<img src="{name}" alt="x">')
    data = bytearray(stream.getvalue())
    sizes = (50_000_000).to_bytes(4, "little")
    while (at := data.find(sizes)) >= 0:
        data[at : at + 4] = (900_000).to_bytes(4, "little")
    return bytes(data)


def encrypted() -> bytes:
    data = bytearray(entry("secret.txt"))
    start = data.rfind(b"PK\x01\x02")
    data[start + 8] |= 1
    return bytes(data)


def twice() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("index.html", "<p>one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("index.html", "<p>two")
    return stream.getvalue()


HARMFUL: dict[str, tuple[Callable[[], bytes], str]] = {
    "a path that climbs out": (lambda: entry("../../etc/cron.d/x"), "which leads out of the zip"),
    "a path that climbs out, as Windows writes it": (lambda: entry("..\\..\\x"), "which leads out of the zip"),
    "an absolute path": (lambda: entry("/etc/passwd"), "the absolute path /etc/passwd"),
    "a drive": (lambda: entry("C:/x"), "the absolute path C:/x"),
    "a symbolic link": (lambda: entry("index.txt", mode=stat.S_IFLNK | 0o777, data=b"/etc/passwd"), "a symbolic link"),
    "a device": (lambda: entry("dev", mode=stat.S_IFCHR | 0o666), "neither a file nor a folder"),
    "a bomb": (lambda: entry("bomb.txt", data=b"\0" * 50_000_000), "times its size"),
    "ten thousand files": (many, "10,000 entries"),
    "a password": (encrypted, "is encrypted"),
    "one name twice": (twice, "holds index.html twice"),
    "a RAR archive": (lambda: b"Rar!\x1a\x07\x00", "it is a RAR archive"),
    "an empty file": (lambda: b"", "it is empty"),
    "half a zip": (lambda: entry("a.txt")[:60], "is no zip that can be opened"),
    "a page called zip": (lambda: b"<!doctype html><p>", "it is an HTML page"),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_it_is_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    make, reason = HARMFUL[name]
    path = tmp_path / "a.zip"
    path.write_bytes(make())
    report = check_path(path, profile=PROFILE)
    assert reason in report.refused
    assert [one.code for one in report.findings] == ["BK100"]
    assert [one.name for one in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    ("name", "reason", "fix"),
    [("gone.zip", "is not there", "Give the path"), ("index.qmd", "is the source of a post", "Name its project")],
)
def test_a_path_that_is_no_submission_is_reported_with_what_to_give_instead(
    name: str, reason: str, fix: str, tmp_path: Path
) -> None:
    (tmp_path / "index.qmd").write_text("---\ntitle: T\n---\n")
    (finding,) = check_path(tmp_path / name, profile=PROFILE).findings
    assert reason in finding.message
    assert finding.fix.startswith(fix)


@pytest.mark.parametrize("name", ["index.html", "figure.png"])
def test_a_zip_that_says_less_than_it_unpacks_to_is_not_read_further(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(liar(name))
    files = open_archive(path)
    assert files.bytes_of(name) == 900_000
    tracemalloc.start()
    try:
        with pytest.raises(RefusedSubmission, match=f"{name} cannot be unpacked: Bad CRC|unpacks to more"):
            files.read(name)
        report = check_path(path, profile=PROFILE)
        assert tracemalloc.get_traced_memory()[1] < 15_000_000
    finally:
        tracemalloc.stop()
    if name == "index.html":
        assert report.refused.startswith("index.html cannot be unpacked")
        assert [one.code for one in report.findings] == ["BK100"]
    else:  # its page is judged all the same
        assert report.refused == "" and {"BK104", "BK106"} <= {one.code for one in report.findings}


def test_the_limits_let_every_real_post_through(tmp_path: Path) -> None:
    folder = submission(tmp_path / "post", page(), {f"frames/{number}.txt": "x" for number in range(MOST_FILES // 10)})
    assert check_path(zipped_folder(tmp_path / "a.zip", folder), profile=PROFILE).findings == ()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (page().encode("utf-16"), "the page does not say"),
        (page(HEAD='<meta charset="utf-8"><title>x</title>').encode("latin-1", "replace").replace(b"<p>The", b"<p>\xe9t\xe9"), "says that it is utf-8, and is not"),
        (b"\x00\x01\x02\xff" * 100, "no author is named"),
        (b"", "no author is named"),
        (b"<div>" * 3000 + b"deep", "1 words; 2,000"),  # as a browser shows it: flattened
        (b'<html><meta charset="klingon"><p>x', "no author is named"),
    ],
)  # fmt: skip
def test_a_page_in_any_bytes_gives_findings_and_no_traceback(data: bytes, says: str, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"index.html": data})
    report = check_path(path, profile=PROFILE)
    if says != "the page does not say":  # UTF-16 with its mark is read as browsers read it
        assert any(says in one.message for one in report.findings), [one.message for one in report.findings]
    assert report.findings


def test_names_in_another_encoding_are_shown_and_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(entry("caf\udce9.txt".encode("utf-8", "surrogateescape").decode("latin-1")))
    assert check_path(path, profile=PROFILE).refused == ""


class Broken(Profile):
    """A profile over which the check fails, as over a defect of its own."""

    def level(self, rule: str) -> Level | None:
        raise ZeroDivisionError("boom")


def test_one_that_breaks_the_checker_itself_does_not_stop_the_others(tmp_path: Path) -> None:
    good = zipped_folder(tmp_path / "a.zip", submission(tmp_path / "post", page()))
    broken = Broken(**vars(PROFILE))
    (report,) = check_paths([good], profile=broken)
    assert report.refused == "boom" and "could not be checked" in report.findings[0].message


def test_a_folder_with_a_link_out_of_it_does_not_show_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    folder = submission(tmp_path / "post", page(end='<img src="leak.png" alt="" width="9">'))
    (folder / "leak.png").symlink_to(tmp_path / "secret.png")
    assert [one.message for one in check_path(folder, profile=PROFILE).findings] == [
        "<img src> points to leak.png, which is not there."
    ]
