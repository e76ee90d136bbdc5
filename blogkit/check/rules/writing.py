"""What the post says: its length, its parts, its hypothesis, its statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from lxml.html import HtmlElement

from blogkit.check.post import Fault, Post
from blogkit.check.profile import Part, Profile
from blogkit.check.rules import rule
from blogkit.check.slips import slips_in
from blogkit.check.source import Place
from blogkit.page import Page, Section
from blogkit.page.seen import all_text, visible_text
from blogkit.page.tree import has_class, tag_of

_AI_NAMES = (
    r"ChatGPT|GPT-?\d[\w.-]{0,20}|Claude|Copilot|Gemini|Llama|Mistral|DeepSeek|Grok|Perplexity|Cursor|Codex|Bard"
    r"|Grammarly|DeepL|AI assistants?|AI tools?|generative AI|(?:large )?language models?|LLMs?|chatbots?"
)
AI_HEADING = re.compile(
    r"\b(AI|A\.I\.|artificial intelligence|LLMs?|language models?|generative|assistants?)\b"
    r".{0,200}\b(assist\w*|statement|disclosure|use|usage|used|help|tools?|acknowledge?ments?|declaration|collaborat\w*)\b"
    r"|\b(use|usage|disclosure|statement|declaration|help|assistance)\b.{0,200}\b(AI|LLMs?|generative|language models?)\b"
    r"|^AI$",
    re.IGNORECASE,
)
_AI_NONE = re.compile(
    r"\b(no|not|never|without|none|neither)\b[^.]{0,60}?\b(AI|assist\w*|LLMs?|language models?|used?|ChatGPT|Copilot|tools?)\b"
    r"|\bnone\b",
    re.IGNORECASE,
)
_PURPOSE = re.compile(
    r"\b(writ|rewrit|edit|proof|draft|cod|debug|programm|implement|plot|figure|grammar|phras|word|spell|brainstorm|summar"
    r"|review|search|translat|format|explain|suggest|check|polish|comment|boilerplate|refactor|idea|text|prose)\w*",
    re.IGNORECASE,
)
_AI_USE = re.compile(
    rf"\b(we|I|authors?|with the help|helped|assisted|assistance)\b[^.]{{0,120}}\b({_AI_NAMES})\b[^.]*"
    rf"|\b({_AI_NAMES})\b[^.]{{0,80}}\b(was|were|has been|helped|assisted)\b[^.]*",
    re.IGNORECASE,
)


def part_sections(page: Page, part: Part) -> list[Section]:
    """The sections whose headings count for a part."""
    pattern = re.compile("|".join(rf"\b{re.escape(word.lower())}" for word in part.headings))
    return [one for one in page.sections if one.title and one.zone == "body" and pattern.search(one.title.lower())]


@rule(
    "BK104",
    "words",
    why="The length is part of the format: a post far beyond it loses points, one far below has not said enough.",
    fix="Tables, figures, captions, code, references and appendices do not count: move detail there, or cut.",
)
def words(post: Post, profile: Profile) -> Iterator[Fault]:
    """The prose has as many words as the venue asks for."""
    count = post.page.words
    if count in profile.words:
        return
    low, high = profile.words.min, profile.words.max
    if high is not None and count > high:
        longest = _longest(post)
        where = f' The longest section is "{longest[0].title}" with {longest[1]:,}.' if longest else ""
        place = post.where(heading=longest[0].title, line=longest[0].line) if longest else post.at()
        yield Fault(
            message=f"{count:,} words; {profile.words} are asked for, so cut {count - high:,}.{where}", place=place
        )
    elif low is not None:
        yield Fault(
            message=f"{count:,} words; {profile.words} are asked for, so {low - count:,} are missing.",
            place=Place(path=post.source.path) if post.source else post.at(),
            fix="Say more where the rubric asks: related work, uncertainty, limitations.",
        )


def _longest(post: Post) -> tuple[Section, int] | None:
    counts = {
        one.number: sum(block.words for block in post.page.body if block.section == one.number)
        for one in post.page.sections
        if one.title
    }
    if not counts:
        return None
    number = max(counts, key=lambda key: counts[key])
    return post.page.sections[number], counts[number]


@rule(
    "BK106",
    "parts",
    why="The venue lists the parts that a post must have; graders look for each.",
    fix="Add the part, or give it a heading that says what it is.",
)
def parts(post: Post, profile: Profile) -> Iterator[Fault]:
    """Each part that the venue requires has a section."""
    for part in profile.parts.values():
        found = part_sections(post.page, part)
        if not found:
            yield Fault(
                message=f"no section is the {part.title}.",
                place=Place(path=post.source.path) if post.source else post.at(),
                fix=f"Headings with one of these words count: {', '.join(part.headings[:6])}.",
            )
            continue
        if all(not post.page.section_text(one).strip() and not _floats_in(post.page, one) for one in found):
            yield Fault(
                message=f'the section "{found[0].title}" is empty.',
                place=post.where(heading=found[0].title, line=found[0].line),
            )


def _floats_in(page: Page, section: Section) -> bool:
    numbers = {one.number for one in page.tree(section)}
    return any(one.section in numbers for one in page.floats)


LIMITS = re.compile(
    r"\b(limitations?|limited (?:to|by|in)|caveats?|shortcomings?|threats? to validity|weakness\w*|drawbacks?"
    r"|does not (?:generali[sz]e|extend|cover)|do not (?:generali[sz]e|extend|cover)|cannot (?:conclude|claim|rule out)"
    r"|we (?:only|did not|do not|could not) (?:test|try|study|consider|vary|run|train|measure|use|cover|look|examin|explor)\w*)",
    re.IGNORECASE,
)


@rule(
    "BK107",
    "limitations",
    why="The rubric asks for honest implications and limitations; a conclusion without them claims more than it shows.",
    fix="Say in the last part what the experiments cannot show, and why.",
)
def limitations(post: Post, profile: Profile) -> Iterator[Fault]:
    """The last part speaks of limitations."""
    part = profile.parts.get(profile.limitations_in)
    sections = part_sections(post.page, part) if part else []
    if not sections:
        return  # that the part is missing is reported by its own rule
    text = "\n".join(f"{one.title}\n{post.page.section_text(one)}" for one in sections)
    titles = " ".join(one.title for section in sections for one in post.page.tree(section))
    if not LIMITS.search(text) and not LIMITS.search(titles):
        last = sections[-1]
        yield Fault(
            message=f'"{last.title}" does not speak of limitations.',
            place=post.where(heading=last.title, line=last.line),
        )


HYPOTHESIS_TITLE = re.compile(r"^\W*(?:(?:central|main|our|the|key)\s+)*hypothes[ie]s\b\W*", re.IGNORECASE)
"""The title of a marked block, in front of what it states."""


def hypothesis_blocks(page: Page) -> list[HtmlElement]:
    """The marked blocks that hold a hypothesis."""
    found: list[HtmlElement] = []
    inside: set[HtmlElement | None] = set()
    for element in page.main.iter():
        if inside and element.getparent() in inside:
            inside.add(element)
            continue
        tag = tag_of(element)
        if tag not in {"div", "section", "aside", "blockquote", "p"}:
            continue
        named = "hypothesis" in (element.get("id") or "").lower().split("-") or has_class(
            element, "hypothesis", "central-hypothesis"
        )
        titled = False
        if has_class(element, "callout", "theorem") or tag in {"aside", "blockquote"}:
            titled = bool(
                re.match(r"\s*(?:central |main |our |the |key )*hypothes[ie]s\b", visible_text(element), re.I)
            )
        if named or titled:
            if tag == "section" and not has_class(element, "hypothesis") and not titled:
                continue  # a section called "Hypothesis" is a heading, no marked block
            found.append(element)
            inside.add(element)
    return found


@rule(
    "BK108",
    "hypothesis",
    why="One central, testable hypothesis, clearly stated, is what the whole rubric measures the post against.",
    fix='Put it in a block of its own: `::: {#hypothesis .callout-important title="Central hypothesis"}` … `:::`.',
)
def hypothesis(post: Post, profile: Profile) -> Iterator[Fault]:
    """One central hypothesis stands in a marked block."""
    blocks = hypothesis_blocks(post.page)
    if not blocks:
        section = next((one for one in post.page.sections if re.search(r"hypothes", one.title, re.I)), None)
        yield Fault(
            message="no marked block states the central hypothesis.",
            place=post.where(heading=section.title, line=section.line)
            if section
            else (Place(path=post.source.path) if post.source else post.at()),
        )
    elif len(blocks) > 1:
        yield Fault(
            message=f"{len(blocks)} blocks are marked as the hypothesis; one is central.",
            place=post.where(text=visible_text(blocks[1]), line=blocks[1].sourceline),
            fix="Keep one, and make the others part of it or plain text.",
        )
    else:
        text = HYPOTHESIS_TITLE.sub("", visible_text(blocks[0]))
        if len(text.split()) < 4:
            yield Fault(
                message="the block of the central hypothesis states none.",
                place=post.where("hypothesis", line=blocks[0].sourceline),
            )


_PLACEHOLDERS = (
    (re.compile(r"\blorem ipsum\b", re.I), "filler text"),
    (re.compile(r"(?<![\w-])(?:TODO|FIXME|TBD|TBA|XXX)(?![\w-])"), "a note to yourself"),
    (re.compile(r"\[(?:insert|add|your|todo|citation needed|ref|cite)\b[^\]]{0,60}\]", re.I), "a gap to fill"),
    (re.compile(r"<(?:insert|your)\s[^>]{0,60}>", re.I), "a gap to fill"),
    (re.compile(r"\b(?:Your|Author|First Author|Second Author) Name\b|\b(?:Jane|John) Doe\b"), "a name to fill in"),
    (
        re.compile(r"\byour[ _-](?:title|website|image|caption|text|figure|abstract)(?:[ _-]here)?\b", re.I),
        "a gap to fill",
    ),
    (re.compile(r"\b(?:title|caption|text|image|figure|description) goes here\b", re.I), "a gap to fill"),
)
_PLACEHOLDER_LINK = re.compile(
    r"your[_-]?(?:website|name|link|url|page|image|repo|github)|your_partner|example\.(?:com|org|net)(?:/|$)"
    r"|(?:insert|todo|placeholder)[_-]|^https?://$",
    re.I,
)


@rule(
    "BK115",
    "placeholders",
    why="Text that a template left behind tells every reader that the post is not finished.",
    fix="Replace it with your own, or delete it.",
)
def placeholders(post: Post, profile: Profile) -> Iterator[Fault]:
    """No text, link or title is left over from a template."""
    page = post.page
    guided = False
    for element in page.main.iter():
        if tag_of(element) and has_class(element, "guidance"):
            guided = True
            text = all_text(element)
            yield Fault(
                message=f'the template\'s guidance "{_quote(text)}" is still there.',
                place=post.where(text=text, line=element.sourceline),
                fix="Write your own text in its place and remove the block.",
            )
    own = [
        (re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", 0 if word != word.lower() else re.I), "of the template")
        for word in profile.placeholders
    ]
    reported: set[str] = set()
    pieces = [(block.said, block.line) for block in page.blocks if block.zone != "references"]
    pieces += [(one.caption, one.line) for one in page.floats]
    pieces += [(name, None) for name in page.authors] + [(page.title, None)]
    for text, line in pieces:
        for pattern, kind in (*own, *_PLACEHOLDERS):
            match = pattern.search(text)
            if match and match.group().lower() not in reported:
                reported.add(match.group().lower())
                yield Fault(
                    message=f'"{match.group()}" is {kind}.'
                    if kind != "of the template"
                    else f'"{match.group()}" is text of the template.',
                    place=post.where(match.group(), text=text, line=line),
                )
    # What stands around a post of ours is the site's, and of nobody who writes the post.
    around = page.main if post.source is not None else page.root
    for element in around.iter("a", "img", "video", "source", "iframe"):
        url = (element.get("href") or element.get("src") or "").strip()
        match = _PLACEHOLDER_LINK.search(url)
        if match and url not in reported and not _in_code(element):
            reported.add(url)
            yield Fault(
                message=f'the address "{url[:80]}" is a placeholder.',
                place=post.where(url, line=element.sourceline),
                fix="Put the real address in, or take the link away.",
            )
    yield from _left_over_title(post)
    if post.project is not None and not guided:
        yield from _starter_prose(post)


def _starter_prose(post: Post) -> Iterator[Fault]:
    """Paragraphs that `blogkit new` wrote, and that stand on the page as if they were the author's."""
    known = _starter_phrases()
    left = []
    for block in post.page.blocks:
        phrases = _phrases_of(block.said)
        if len(phrases) >= _FEWEST_PHRASES and sum(one in known for one in phrases) > 0.5 * len(phrases):
            left.append(block)
    if left:
        count = "a paragraph is" if len(left) == 1 else f"{len(left)} paragraphs are"
        yield Fault(
            message=f'{count} the starter\'s own prose, such as "{_quote(left[0].said)}".',
            place=post.where(text=left[0].said, line=left[0].line),
            fix="Write your own: what you asked, what you did, what you found.",
        )


def _phrases_of(text: str) -> list[str]:
    """Each five words in a row, in small letters."""
    words = re.findall(r"[a-z]+", text.lower())
    return [" ".join(words[place : place + 5]) for place in range(len(words) - 4)]


@cache
def _starter_phrases() -> frozenset[str]:
    """What the blank starter's post says, beside its guidance."""
    package = Path(__file__).resolve().parents[2]
    for folder in (package.parent / "template", package / "_template"):
        with suppress(OSError):
            text = (folder / "blank" / "index.qmd.jinja").read_text(encoding="utf-8")
            text = _NOT_STARTER_PROSE.sub(" ", text)
            return frozenset(phrase for part in text.split("\n\n") for phrase in _phrases_of(part))
    return frozenset()


_FEWEST_PHRASES = 8
_NOT_STARTER_PROSE = re.compile(
    r"^::: \{\.guidance\}.{0,400}?^:::$|\{\{<.{0,100}?>\}\}|@[\w-]{1,50}", re.DOTALL | re.MULTILINE
)


def _left_over_title(post: Post) -> Iterator[Fault]:
    page = post.page
    head, seen = page.head_title, page.title
    if post.page_name is None:
        return
    if re.fullmatch(
        r"\s*(?:untitled|document|title|index|home|my (?:blog )?post|new post|page title)\s*", seen or "", re.I
    ):
        yield Fault(message=f'the title is "{seen}".', place=post.entry("title"), fix="Give the post its own title.")
    if head and seen and head != seen:
        left = set(re.findall(r"\w{3,}", head.lower()))
        right = set(re.findall(r"\w{3,}", seen.lower()))
        if left and right and not left & right:
            yield Fault(
                message=f'the browser tab says "{_quote(head)}", but the page is called "{_quote(seen)}".',
                place=post.at(1),
                fix="Make `<title>` the title of this post.",
            )


def _in_code(element: HtmlElement) -> bool:
    return any(tag_of(up) in {"pre", "code"} for up in element.iterancestors())


def _quote(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57].rstrip()}…"


@rule(
    "BK116",
    "ai-statement",
    why="An AI assistant counts as a collaborator: the venue asks which one helped and with what.",
    fix='Add a short section "AI assistance": which assistant and for what, or that none was used.',
)
def ai_statement(post: Post, profile: Profile) -> Iterator[Fault]:
    """The post says which AI assistant helped and with what, or that none did."""
    page = post.page
    headed = [one for one in page.sections if one.title and AI_HEADING.search(one.title)]
    if not headed:
        for block in page.blocks:
            if block.zone == "references":
                continue
            match = _AI_USE.search(block.text)
            section = page.sections[block.section].title.lower()
            here = re.search(r"acknowledg|contribut|statement|disclos|appendix", section) or block.zone == "appendix"
            if match and (here or _speaks_of_writing(match.group())):
                return
            if re.search(
                r"\bno (?:generative )?(?:AI|LLMs?)\b[^.]{0,60}\b(?:used|use|assist\w*|help\w*)\b", block.text
            ):
                return
            if (
                re.search(rf"\b(?:did not|didn't|without) us(?:e|ing)[^.]{{0,40}}\b(?:{_AI_NAMES})\b", block.text, re.I)
                and here
            ):
                return
        yield Fault(
            message="nothing says whether an AI assistant helped.",
            place=Place(path=post.source.path) if post.source else post.at(),
        )
        return
    text = "\n".join(page.section_text(one) for one in headed)
    place = post.where(heading=headed[0].title, line=headed[0].line)
    if len(text.split()) < 3:
        yield Fault(message=f'"{headed[0].title}" says nothing.', place=place)
        return
    if _AI_NONE.search(text):
        return
    if not re.search(rf"\b(?:{_AI_NAMES})\b", text, re.I):
        yield Fault(message=f'"{headed[0].title}" does not say which assistant.', place=place)
    elif not _PURPOSE.search(text):
        yield Fault(message=f'"{headed[0].title}" does not say what the assistant was used for.', place=place)


def _speaks_of_writing(sentence: str) -> bool:
    return (
        re.search(
            r"\b(?:to|for|with|in)\s+(?:help(?:ed)?\s+)?(?:us\s+)?(?:the\s+|our\s+)?(?:writ|edit|proofread|draft|cod|debug|polish|grammar"
            r"|brainstorm|phras|plotting|formatting|refactor|boilerplate)\w*",
            sentence,
            re.I,
        )
        is not None
    )


UNCERTAIN = re.compile(
    r"±|\\pm|\+/-|\bconfidence (?:interval|band|level)|\bcredible interval|\bstandard (?:deviation|error)|\bstd\b|\bs\.?d\.\b"
    r"|\bSEM\b|\berror (?:bars?|bands?)|\bbootstrap|\b95\s?%|\bquartiles?\b|\binterquartile|\bvariance across|\bspread\b"
    r"|\b(?:two|three|four|five|six|seven|eight|nine|ten|\d+)\s+(?:random\s+|different\s+|independent\s+)*seeds?\b"
    r"|\bseeds?\b[^.]{0,40}\b(?:mean|average|shaded|band|range)|\bmean (?:and|over|of|across)\b|\bp\s?[<=]\s?0?\.\d",
    re.IGNORECASE,
)
BASELINE = re.compile(
    r"\b(baselines?|control (?:group|condition|run|model|experiment)s?|reference (?:model|run|network)|vanilla|chance(?: level)?"
    r"|random guess\w*|majority class|linear (?:model|regression|probe|classifier)|ablat\w*|compared (?:to|with|against)"
    r"|relative to|state[- ]of[- ]the[- ]art|prior work|default (?:setting|configuration)|unmodified|without (?:the )?\w+ization)",
    re.IGNORECASE,
)
_COMPARES = re.compile(
    r"\b(outperform\w*|better than|worse than|lower than|higher than|improv\w+ (?:over|by|from)|reduc\w+ (?:\w+ ){0,3}(?:by|from)|"
    r"exceed\w*|beats?|surpass\w*)\b[^.]{0,80}\d|\d\s?%?[^.]{0,60}\b(?:versus|vs\.?|compared (?:to|with)|as against|while)\b[^.]{0,60}\d",
    re.IGNORECASE,
)


def compares_numbers(page: Page) -> bool:
    """Whether the post sets measured numbers against each other, in a table or in a sentence."""
    for one in page.floats:
        if one.kind == "table" and one.zone == "body":
            cells = [visible_text(cell) for cell in one.element.iter("td")]
            if sum(1 for cell in cells if re.search(r"\d\.\d|\d\s?%", cell)) >= 2:
                return True
    return any(_COMPARES.search(block.text) for block in page.body)


def prose_and_floats(page: Page) -> str:
    """Prose, captions and tables together."""
    tables = [visible_text(one.element) for one in page.floats if one.kind == "table"]
    mathematics = [visible_text(one) for one in page.main.iter("math")]
    return "\n".join([page.text, *tables, *mathematics])


@rule(
    "BK117",
    "uncertainty",
    why="The rubric asks that uncertainty is quantified and that there are proper baselines; a single number proves little.",
    fix="Give several seeds with mean ± deviation or an interval, and name what the method is compared with.",
)
def uncertainty(post: Post, profile: Profile) -> Iterator[Fault]:
    """Where numbers are compared, their uncertainty is given and a baseline is named."""
    if not compares_numbers(post.page):
        return
    text = prose_and_floats(post.page)
    tables = [one for one in post.page.floats if one.kind == "table" and one.zone == "body"]
    place = Place(path=post.source.path) if post.source else post.at()
    if tables:
        one = tables[0]
        place = post.where(*([one.id] if one.id else []), text=one.caption or visible_text(one.element), line=one.line)
    if not UNCERTAIN.search(text):
        yield Fault(message="numbers are compared without their uncertainty: no seeds, ± or interval.", place=place)
    if not BASELINE.search(text):
        yield Fault(message="numbers are compared, but no baseline is named.", place=place)


@rule(
    "BK118",
    "contributions",
    why="With several authors the staff, and later readers, want to know who did what.",
    fix='Add a section "Contributions": one sentence for each author.',
)
def contributions(post: Post, profile: Profile) -> Iterator[Fault]:
    """A post of several authors says who did what."""
    page = post.page
    if len(page.authors) < 2:
        return
    if any(
        re.search(r"\bcontribut\w*|\bwho did what\b|\bdivision of (?:work|labou?r)", one.title, re.I)
        for one in page.sections
    ):
        return
    people = "|".join(re.escape(part) for name in page.authors for part in (name, name.split()[0]) if len(part) > 1)
    did = rf"\b(?:{people})\b[^.]{{0,80}}\b(?:wrote|implemented|ran|designed|led|trained|built|analy[sz]ed|coded|made|drew|contributed)\b"
    if people and len(re.findall(did, "\n".join(block.text for block in page.blocks))) >= 2:
        return
    if any(
        re.search(
            r"\b(?:both|all) authors contributed\b|\bequal(?:ly)? contribut\w*|\bcontributed equally", block.text, re.I
        )
        for block in page.blocks
    ):
        return
    yield Fault(
        message=f"{len(page.authors)} authors, but nothing says who did what.",
        place=Place(path=post.source.path) if post.source else post.at(),
    )


@rule(
    "BK133",
    "as-meant",
    why="What is nearly a shortcode, a formula, a class or a list stands on the page as it was typed, or has no effect. "
    "Other editors may show it as it was meant.",
    fix="Write it as Quarto reads it.",
)
def as_meant(post: Post, profile: Profile) -> Iterator[Fault]:
    """Nothing in the source is nearly a shortcode, mathematics, a known class or a block, and nothing is lost of it."""
    if post.source is None:
        return
    for slip in slips_in(post.source.lines, known_classes=_site_classes(post)):
        yield Fault(message=slip.message, place=Place(path=slip.line.path, line=slip.line.number), fix=slip.fix)
    for element in post.page.main.iter("img"):
        address = element.get("src") or ""
        if address.startswith("attachment:"):
            yield Fault(
                message=f"the picture {address} is attached to no cell of the notebook.",
                place=post.where(address, line=element.sourceline),
                fix="Attach it again in Jupyter, or put the file beside the post.",
            )


def _site_classes(post: Post) -> set[str]:
    """The classes that style sheets and pages of the site's own know."""
    found: set[str] = set()
    for folder in {post.source.path.parent, *post.source.path.resolve().parents[:3]} if post.source is not None else ():
        for path in sorted(folder.glob("*.*css"))[:20]:
            with suppress(OSError):
                found.update(_CLASS_IN_SHEET.findall(path.read_text(encoding="utf-8", errors="replace")[:_MOST_SHEET]))
    return found


_CLASS_IN_SHEET = re.compile(r"\.([A-Za-z][\w-]*)")
_MOST_SHEET = 200_000
"""Characters of a style sheet that are read for its classes."""
