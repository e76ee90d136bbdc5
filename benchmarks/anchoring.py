"""Do comments survive a new revision of a post, and do they never jump? Prints a table, and fails below the gates.

    python benchmarks/anchoring.py [--posts 12] [--passages 40]

Each post (the repository's own rendered ones where `_site` is there, and invented ones) is edited as authors edit:
typos mended, sentences reflowed and reworded, paragraphs moved, sections and sentences deleted, a look-alike
paragraph put beside the original, numbers changed by a new run. Every passage's true place is known, because the edits
move invisible marks with the words. A passage whose words were all deleted must not be attached anywhere.
"""

from __future__ import annotations

import argparse
import copy
import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree, html
from lxml.html import HtmlElement

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from blogkit.review.anchor import State, anchor, describe, follow  # noqa: E402
from blogkit.review.page import PageText, read_tree  # noqa: E402
from tests.review.posts import invent_post  # noqa: E402

# A mark is a private-use character glued before the first and after the last character of a passage. It travels with
# the words through every edit, and is taken out before a page is read.
FIRST_MARK = 0xE000
MARK = re.compile("[\ue000-\uf8ff]")


@dataclass
class Draft:
    """A post under revision, with marks in it."""

    tree: HtmlElement
    generator: random.Random
    log: list[str] = field(default_factory=list)

    def paragraphs(self) -> list[HtmlElement]:
        return [p for p in self.tree.xpath("//main//p | //main//li") if len(plain(p)) > 60]


def plain(element: HtmlElement) -> str:
    return MARK.sub("", "".join(element.itertext()))


def texts(element: HtmlElement) -> list[tuple[HtmlElement, str]]:
    """The text slots of an element outside formulas: (element, "text" or "tail")."""
    slots: list[tuple[HtmlElement, str]] = []
    for node in element.iter():
        if not isinstance(node.tag, str) or node.tag in {"math", "script", "svg"} or node.xpath("ancestor::math"):
            if node is not element and node.tail and not node.xpath("ancestor::math"):
                slots.append((node, "tail"))
            continue
        if node.text:
            slots.append((node, "text"))
        if node is not element and node.tail:
            slots.append((node, "tail"))
    return slots


def edit_text(draft: Draft, element: HtmlElement, change: Callable[[str], str]) -> None:
    """Changes one text slot of an element, chosen by chance among the longer ones."""
    slots = [slot for slot in texts(element) if len(getattr(slot[0], slot[1])) > 20]
    if slots:
        node, name = draft.generator.choice(slots)
        setattr(node, name, change(getattr(node, name)))


# --- the edits ------------------------------------------------------------------------------------------------------


def typo(draft: Draft) -> None:
    """A few letters mended in several paragraphs."""

    def mend(text: str) -> str:
        places = [m.start() for m in re.finditer(r"[a-z](?=[a-z])", text)]
        if not places:
            return text
        at = draft.generator.choice(places)
        how = draft.generator.randrange(3)
        if how == 0:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        return text[:at] + (text[at + 1 :] if how == 1 else draft.generator.choice("aeiou") + text[at:])

    for element in draft.generator.sample(draft.paragraphs(), min(6, len(draft.paragraphs()))):
        edit_text(draft, element, mend)


def reflow(draft: Draft) -> None:
    """Lines broken elsewhere; nothing that a reader sees."""
    for element in draft.paragraphs():
        for node, name in texts(element):
            setattr(node, name, re.sub(r"[ \n]", lambda _: draft.generator.choice([" ", "\n"]), getattr(node, name)))


def reword(draft: Draft) -> None:
    """A word replaced or added in some sentences."""

    def change(text: str) -> str:
        words = list(re.finditer(r"[a-z]{4,}", text))
        if not words:
            return text
        word = draft.generator.choice(words)
        new = draft.generator.choice(["clearly", "roughly", "largely", "consistently", "the measured", "somewhat"])
        keep = word.group() if draft.generator.random() < 0.6 else ""
        return f"{text[: word.start()]}{new}{' ' + keep if keep else ''}{text[word.end() :]}"

    for element in draft.generator.sample(draft.paragraphs(), min(5, len(draft.paragraphs()))):
        edit_text(draft, element, change)


def added(draft: Draft) -> None:
    """A sentence put at the head of some paragraphs, and a new paragraph."""
    for element in draft.generator.sample(draft.paragraphs(), min(3, len(draft.paragraphs()))):
        element.text = "A reader of a draft asked for this remark about the set-up. " + (element.text or "")
    other = draft.generator.choice(draft.paragraphs())
    new = html.fragment_fromstring("<p>We repeated this with a second data set; the picture did not change at all.</p>")
    other.addprevious(new)


def moved(draft: Draft) -> None:
    """A paragraph moved to another section."""
    paragraphs = [p for p in draft.paragraphs() if p.tag == "p"]
    one = draft.generator.choice(paragraphs)
    targets = [p for p in paragraphs if p is not one and p.getparent() is not one.getparent()]
    if targets:
        tail, one.tail = one.tail, None
        del tail
        draft.generator.choice(targets).addnext(one)


def deleted_section(draft: Draft) -> None:
    """A whole section gone."""
    sections = [s for s in draft.tree.xpath("//main//section") if s.xpath(".//p")]
    if len(sections) > 3:
        gone = draft.generator.choice(sections)
        gone.getparent().remove(gone)


def deleted_paragraphs(draft: Draft) -> None:
    """Two paragraphs gone."""
    for one in draft.generator.sample(draft.paragraphs(), min(2, len(draft.paragraphs()))):
        tail = one.tail
        previous, parent = one.getprevious(), one.getparent()
        if parent is None:
            continue
        parent.remove(one)
        del previous, tail


def other_words(draft: Draft, element: HtmlElement) -> None:
    """Makes another claim of a paragraph: half of its longer words are others of the page."""
    words = re.findall(r"\b[a-z]{4,}\b", " ".join(plain(p) for p in draft.paragraphs()))
    for node, name in texts(element):
        text = MARK.sub("", getattr(node, name))
        other = re.sub(
            r"\b[a-z]{4,}\b|\d+",
            lambda m: draft.generator.choice(words) if draft.generator.random() < 0.5 else m[0],
            text,
        )
        setattr(node, name, other)


def look_alike(draft: Draft) -> None:
    """A look-alike of a paragraph, before the original."""
    one = draft.generator.choice([p for p in draft.paragraphs() if p.tag == "p"])
    twin = copy.deepcopy(one)
    twin.tail = "\n"
    for node in twin.iter():
        node.text = MARK.sub("", node.text) if node.text else node.text
        node.tail = MARK.sub("", node.tail) if node.tail else node.tail
    other_words(draft, twin)
    one.addprevious(twin)


def deleted_beside_look_alike(draft: Draft) -> None:
    """The originals gone, and look-alikes in their place that say something else."""
    paragraphs = [p for p in draft.paragraphs() if p.tag == "p"]
    for one in draft.generator.sample(paragraphs, min(4, len(paragraphs))):
        other_words(draft, one)


def numbers(draft: Draft) -> None:
    """Each number of some paragraphs and of the tables changed, and the figures' data with them."""

    def change(match: re.Match[str]) -> str:
        return re.sub(r"\d", lambda _: str(draft.generator.randrange(10)), match.group())

    for element in draft.generator.sample(draft.paragraphs(), min(8, len(draft.paragraphs()))):
        for node, name in texts(element):
            setattr(node, name, re.sub(r"\d+\.\d+", change, getattr(node, name)))
    for cell in draft.tree.xpath("//main//td"):
        if cell.text:
            cell.text = re.sub(r"\d+\.\d+", change, cell.text)


def figures(draft: Draft) -> None:
    """Figures drawn anew by another run: other values under the same steps and names, and a new caption number."""
    for script in draft.tree.xpath("//main//script[contains(@type, 'json')]"):
        script.text = re.sub(r'("loss": )[\d.]+', lambda m: f"{m.group(1)}{draft.generator.random():.4f}", script.text)
    numbers(draft)


EDITS: dict[str, Callable[[Draft], None]] = {
    "typo": typo,
    "reflow": reflow,
    "reword": reword,
    "added text": added,
    "moved paragraph": moved,
    "deleted section": deleted_section,
    "deleted paragraphs": deleted_paragraphs,
    "look-alike sibling": look_alike,
    "replaced by look-alike": deleted_beside_look_alike,
    "changed numbers": numbers,
    "re-run figures": figures,
}


# --- the truth ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A stretch of text that somebody commented on: between two marks."""

    start: str
    end: str
    block: str


def choose_passages(tree: HtmlElement, wanted: int, generator: random.Random) -> list[Passage]:
    """Puts the marks of passages into a tree: from three words to two sentences, within one text slot."""
    slots = [slot for p in tree.xpath("//main//p | //main//li | //main//figcaption | //main//h2") for slot in texts(p)]
    slots = [slot for slot in slots if len(getattr(slot[0], slot[1]).split()) >= 4]
    passages: list[Passage] = []
    for number, (node, name) in enumerate(generator.sample(slots, min(wanted, len(slots)))):
        text = getattr(node, name)
        words = list(re.finditer(r"\S+", text))
        count = min(len(words), generator.choice([3, 4, 5, 6, 8, 10, 14, 20]))
        first = generator.randrange(len(words) - count + 1)
        start, end = words[first].start(), words[first + count - 1].end()
        opening, closing = chr(FIRST_MARK + 2 * number), chr(FIRST_MARK + 2 * number + 1)
        setattr(node, name, f"{text[:start]}{opening}{text[start:end]}{closing}{text[end:]}")
        passages.append(Passage(start=opening, end=closing, block=""))
    return passages


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A page as a reader gets it, and where each mark stood in it."""

    page: PageText
    places: dict[str, int]


def snapshot(tree: HtmlElement) -> Snapshot:
    """The page without marks, and the offset of each mark in its text."""
    marked = read_tree(tree).text
    places: dict[str, int] = {}
    seen = 0
    for place, character in enumerate(marked):
        if MARK.match(character):
            places[character] = place - seen
            seen += 1
    source = MARK.sub("", etree.tostring(tree, encoding="unicode", method="html"))
    page = read_tree(html.document_fromstring(source))
    assert page.text == MARK.sub("", marked), "marks must not change the text"
    return Snapshot(page=page, places=places)


Count = Counter[str]


def judge(original: Snapshot, revisions: list[Snapshot], passages: list[Passage], rule: str) -> Count:
    """How the passages of the original fared in the last revision."""
    count: Count = Counter()
    last = revisions[-1]
    for passage in passages:
        start, end = original.places[passage.start], original.places[passage.end]
        selectors = describe(original.page, start, end)
        alive = passage.start in last.places and passage.end in last.places
        truth = (last.places[passage.start], last.places[passage.end]) if alive else None
        if truth is not None and truth[1] - truth[0] < 0.4 * (end - start):
            truth, alive = None, False
        if rule == "offset only":
            state, found = State.ATTACHED, (start, end)
        else:
            pages = [original.page, *(one.page for one in revisions)]
            place = follow(pages, selectors) if rule == "this rule" else anchor(last.page, selectors)
            state = place.state
            found = (place.start or 0, place.end or 0)
        count["all"] += 1
        count[state] += 1
        if alive:
            assert truth is not None
            overlap = min(found[1], truth[1]) - max(found[0], truth[0])
            right = overlap > 0.5 * max(found[1] - found[0], truth[1] - truth[0], 1)
            count["survivors"] += 1
            if state is State.UNANCHORED:
                count["lost"] += 1
            elif state is State.CHECK:
                count["offered right" if right else "offered wrong"] += 1
            else:
                count["right" if right else "wrong"] += 1
        else:
            count["deleted"] += 1
            if state is State.ATTACHED:
                count["deleted attached"] += 1
    return count


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:6.1f}" if whole else "     –"


def row(name: str, count: Count) -> str:
    alive = count["survivors"]
    cells = [percent(count[key], alive) for key in ("right", "offered right", "wrong", "offered wrong", "lost")]
    gone = percent(count["deleted attached"], count["deleted"])
    return f"{name:<34}{alive:>7} {' '.join(cells)}   {count['deleted']:>6} {gone}"


def pages(invented: int) -> list[tuple[str, str]]:
    """(name, HTML) of the repository's rendered posts, then of invented ones."""
    own = [(path.parent.name, path.read_text(encoding="utf-8")) for path in ROOT.glob("_site/projects/*/index.html")]
    own = [(name, source) for name, source in own if len(re.findall(r"<p>[^<]{60}", source)) >= 15]  # posts, not stubs
    return own + [(f"invented {seed}", invent_post(seed)) for seed in range(invented)]


def main() -> int:
    """Measures, prints, and says whether the gates hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=12, help="invented posts beside the repository's own")
    parser.add_argument("--passages", type=int, default=40, help="commented passages a post")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    sources = pages(options.posts)
    one: dict[str, Count] = {name: Counter() for name in EDITS}
    five: Count = Counter()
    naive: Count = Counter()
    for number, (name, source) in enumerate(sources):
        generator = random.Random(f"{options.seed} {name}")
        tree = html.document_fromstring(source)
        passages = choose_passages(tree, options.passages, generator)
        original = snapshot(tree)
        for label, edit in EDITS.items():
            draft = Draft(tree=copy.deepcopy(tree), generator=random.Random(f"{number} {label}"))
            edit(draft)
            after = snapshot(draft.tree)
            one[label] += judge(original, [after], passages, "this rule")
            naive += judge(original, [after], passages, "offset only")
        for chain in range(3):
            draft = Draft(tree=copy.deepcopy(tree), generator=random.Random(f"{number} chain {chain}"))
            revisions = []
            for label in draft.generator.sample(sorted(EDITS), 5):
                EDITS[label](draft)
                revisions.append(snapshot(draft.tree))
            five += judge(original, revisions, passages, "this rule")
    single: Count = sum(one.values(), Counter())
    own = len(sources) - options.posts
    print(f"{own} posts of the repository, {options.posts} invented; {options.passages} passages each\n")
    print(f"{'':34}{'':>7} survivors, %                           deleted")
    print(f"{'revision':<34}{'n':>7}  right offered  wrong off.wr.   lost        n  wrongly attached, %")
    for label, count in one.items():
        print(row(label, count))
    print(row("all, one commit", single))
    print(row("all, five commits", five))
    print(row("offset only, one commit", naive))
    gates = [
        ("survivors right after one commit >= 99 %", single["right"] >= 0.99 * single["survivors"]),
        ("survivors right after five commits >= 97 %", five["right"] >= 0.97 * five["survivors"]),
        ("wrong <= 0.5 %", single["wrong"] + five["wrong"] <= 0.005 * (single["survivors"] + five["survivors"])),
        ("deleted wrongly attached <= 5 %, one", single["deleted attached"] <= 0.05 * single["deleted"]),
        ("deleted wrongly attached <= 5 %, five", five["deleted attached"] <= 0.05 * five["deleted"]),
        (
            "attached + to check + unanchored = all",
            all(sum(count[state] for state in State) == count["all"] for count in (single, five)),
        ),
    ]
    print()
    for label, holds in gates:
        print(f"{'holds' if holds else 'FAILS'}  {label}")
    return 0 if all(holds for _, holds in gates) else 1


if __name__ == "__main__":
    sys.exit(main())
