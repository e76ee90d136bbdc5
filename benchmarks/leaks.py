"""Does the leak report find what gives authors away in the repository's own posts, and nothing else? Fails if not.

    python benchmarks/leaks.py

Every seed of the test-suite's corpus is put, one at a time, into the six posts of `projects/` by turns, as rendered in
`_site`; then each post is looked at as it is. The roster has people who wrote none of it, so whatever is reported of a
post without a seed is a false alarm.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from blogkit.review.leaks import Leak  # noqa: E402
from blogkit.review.posts import prepare_post  # noqa: E402
from tests.review.leak_corpus import ROSTER, seeds  # noqa: E402


def main() -> int:
    """Measures, prints, and says whether the gates hold."""
    posts = sorted((ROOT / "_site" / "projects").glob("*/index.html"))
    if not posts:
        print("The repository's own pages are not rendered: `blogkit render` first.")
        return 2
    site = ROOT / "_site"
    alarms = {page.parent.name: prepare_post("width", page, site, ROSTER).open_leaks for page in posts}
    for name, leaks in alarms.items():
        print(f"{name:<20}{len(leaks):>3} false alarms  {', '.join(leak.what for leak in leaks)}")
    missed = []
    with tempfile.TemporaryDirectory(prefix="blogkit-leaks-") as work:
        page = Path(work) / "index.html"
        for number, (extra, words) in enumerate(seeds()):
            source = posts[number % len(posts)].read_text(encoding="utf-8")
            page.write_text(source.replace("</main>", f"{extra}</main>", 1), encoding="utf-8")
            if not any(tells(leak, words) for leak in prepare_post("width", page, Path(work), ROSTER).leaks):
                missed.append(words)
    found = len(seeds()) - len(missed)
    print(f"{found} of {len(seeds())} seeded leaks found ({100 * found / len(seeds()):.1f} %) {missed or ''}")
    return 0 if len(missed) <= 0.01 * len(seeds()) and max(map(len, alarms.values())) <= 1 else 1


def tells(leak: Leak, words: str) -> bool:
    return words in leak.what or words.split("://")[-1] in leak.what


if __name__ == "__main__":
    sys.exit(main())
