"""Whether a comment on a chart's mark says the truth: on the same revision, and after the figures were run again.

Every mark that is drawn in the posts of ``projects/`` is clicked in a browser, with each figure as it opens and with
its menus and sliders set otherwise, and the comment is read again as the server reads it. On the same revision nothing
may be told as changed and nothing lost. Then the data are made anew by a seed: measured columns change, rows change
places, some go and some come. The truth is the row itself.

    python benchmarks/marks.py              # after `blogkit render`
    python benchmarks/marks.py --most 40    # so many marks a view of a figure
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import browser  # noqa: E402
from tests.review.clicking import click_all, judge_again, judge_same, review_copy  # noqa: E402

SITE = ROOT / "_site"


def main() -> int:
    """Clicks, reads again, prints, and says whether the gates hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=100_000, help="marks to click in one view of a figure")
    parser.add_argument("--views", type=int, default=4, help="views of a figure: as it opens, and with other settings")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--only", default="", help="a part of a post's name")
    options = parser.parse_args()
    pages = [one for one in sorted((SITE / "projects").glob("*/index.html")) if options.only in one.parent.name]
    if not pages:
        print("The repository's own posts are not rendered: `blogkit render` first.")
        return 2
    same: Counter[str] = Counter()
    again: Counter[str] = Counter()
    charts, without = 0, list[str]()
    with browser() as one:
        for page in pages:
            copy = review_copy(page, SITE)
            post = click_all(one, page.parent.name, copy, most=options.most, views=options.views)
            found = judge_same(post)
            print(f"{post.name:<16}{post.charts:>3} charts  {dict(found)}", flush=True)
            same += found
            charts += post.charts
            without += post.without
            for seed in options.seeds:
                again += judge_again(post, random.Random(f"{seed} {post.name}"))
    print(f"\n{charts} charts, of which {len(without)} offer no mark {without or ''}")
    print("read again without a revision:", dict(same))
    print("after re-runs:", dict(again))
    gates = [
        ("marks on every chart", not without),
        ("0 changes reported without a revision", not any(n for name, n in same.items() if name.endswith("changed"))),
        (
            "0 lost, 0 to check without a revision",
            not any(n for name, n in same.items() if name.endswith(("lost", "check"))),
        ),
        ("every comment is on a mark that was clicked", not same["marks elsewhere"]),
        (">= 98 % of the marks whose row is there are attached", again["there, attached"] >= 0.98 * again["there"] > 0),
        ("nothing attaches to another mark", not again["attached to another"]),
        ("what changed is said right in all", again["said right"] == again["there, attached"]),
    ]
    for label, holds in gates:
        print(f"{'holds' if holds else 'FAILS'}  {label}")
    return 0 if all(holds for _, holds in gates) else 1


if __name__ == "__main__":
    sys.exit(main())
