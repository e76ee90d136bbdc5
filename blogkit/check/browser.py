"""What a real browser sees: the page opened from the disk with the network shut, wide, narrow, and without JavaScript."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blogkit.check.post import Post
from blogkit.live import TOLERANCE

if TYPE_CHECKING:
    from blogkit.tools.chromium import Browser, Tab

OpenInBrowser = Callable[[Post], Mapping[str, Any]]
"""Opens a post in a browser and says what was seen: lists of sentences by the rule that tells them."""

_TOUCH = """async () => {
  const pause = ms => new Promise(done => requestAnimationFrame(() => setTimeout(done, ms)));
  const step = Math.max(200, innerHeight * 0.8);
  for (let y = 0; y < document.documentElement.scrollHeight && y < 60000; y += step) {
    scrollTo(0, y);
    await pause(20);
  }
  scrollTo(0, 0);
  const wake = [...document.querySelectorAll("figure, [data-src], [data-spec], canvas, .vega-embed")].slice(0, 40);
  for (const one of wake)
    for (const kind of ["pointerenter", "mouseenter", "pointerover", "mouseover", "focusin"])
      one.dispatchEvent(new (kind.startsWith("pointer") ? PointerEvent : kind === "focusin" ? FocusEvent : MouseEvent)(
        kind, {bubbles: kind.endsWith("over") || kind === "focusin"}));
  for (const one of [...document.querySelectorAll("main button, main summary, main [role=tab]")].slice(0, 40)) {
    if (one.closest("a[href]:not([href^='#'])")) continue;
    one.click();
    await pause(5);
  }
  await pause(400);
  scrollTo(0, 0);
}"""
"""Reads the page as a reader would: to the end, touching each figure, opening what opens."""

_LOOK = r"""() => {
  const out = {images: [], figures: [], equations: [], text: []};
  const main = document.querySelector("main, article") || document.body;
  const shown = one => {
    for (let up = one; up && up !== document.body; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.display === "none" || style.visibility === "hidden") return false;
      if (up.tagName === "DETAILS" && !up.open && up !== one && !one.closest("summary")) return false;
      if (up.hidden) return false;
    }
    return true;
  };
  const name = one => {
    const holder = one.closest("[id]");
    const source = one.currentSrc || one.src || one.querySelector?.("[src]")?.getAttribute("src") || "";
    return (one.id ? "#" + one.id : source.startsWith("data:") ? "" : source.split("/").pop()) || (holder ? "in #" + holder.id : "")
      || one.tagName.toLowerCase();
  };
  for (const one of document.images)
    if (shown(one) && (one.getAttribute("src") || "").trim() && !(one.complete && one.naturalWidth > 0)) out.images.push(name(one));
  const drawn = one => {
    const tag = one.tagName.toLowerCase();
    if (tag === "img") return one.naturalWidth > 0;
    if (tag === "svg") return one.querySelector("path,rect,circle,line,text,polyline,polygon,image,use,ellipse") !== null
      && one.getBoundingClientRect().height > 2;
    if (tag === "canvas") {
      if (!one.width || !one.height) return false;
      const blank = document.createElement("canvas");
      blank.width = one.width; blank.height = one.height;
      try { return one.toDataURL() !== blank.toDataURL(); } catch { return true; }
    }
    if (tag === "video") return one.error === null && (one.readyState > 0 || one.poster !== "");
    if (tag === "iframe") { try { return one.contentDocument === null || one.contentDocument.body.childElementCount > 0; } catch { return true; } }
    return true;
  };
  const pieces = "img, svg, canvas, video, iframe, object, embed, table, pre, math";
  for (const one of main.querySelectorAll("figure, .quarto-float, .vega-embed")) {
    if (!shown(one) || one.parentElement.closest("figure, .quarto-float")) continue;
    const inside = [...one.querySelectorAll(pieces)].filter(shown);
    const words = [...one.childNodes].filter(c => !(c.tagName || "").match(/^(FIGCAPTION|SCRIPT|STYLE|TEMPLATE)$/))
      .map(c => c.textContent).join("").replace(/\s+/g, "");
    const figure = inside.length ? inside.some(drawn) : words.length > 40;
    if (!figure) out.figures.push(name(one));
  }
  for (const one of main.querySelectorAll("canvas, svg"))
    if (shown(one) && !one.closest("figure, .quarto-float, button, a") && one.getBoundingClientRect().width > 64 && !drawn(one)) out.figures.push(name(one));
  const scripts = [...document.scripts].filter(s => !s.src).map(s => s.textContent).join("\n");
  for (const one of main.querySelectorAll("div[id], span[id]"))
    if (!one.childNodes.length && shown(one) && one.getBoundingClientRect().height < 4
        && new RegExp("(vegaEmbed|newPlot|getElementById|select|querySelector|mount|render|Bokeh|echarts)[^;]{0,40}[\"'`]#?" + CSS.escape(one.id) + "[\"'`]").test(scripts))
      out.figures.push(name(one));
  for (const one of main.querySelectorAll("math, mjx-container, .katex, .math")) {
    if (!shown(one) || one.parentElement.closest("math, mjx-container, .katex, .math, mjx-assistive-mml")) continue;
    const box = one.getBoundingClientRect();
    const set = one.matches("math, mjx-container, .katex") || one.querySelector("math, mjx-container, .katex");
    const source = one.textContent.trim();
    if (one.querySelector("mjx-merror, merror, .katex-error")) out.equations.push("with an error: " + source.slice(0, 60));
    else if (!set && /\\[a-zA-Z(\[]|[\^_]/.test(source)) out.equations.push("as its source: " + source.slice(0, 60));
    else if (set && (box.width < 1 || box.height < 1 || !source && !one.querySelector("svg, use"))) out.equations.push("empty");
  }
  const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement.closest("pre, code, script, style, math, mjx-container, .katex, textarea, .math, noscript, template")) continue;
    if (/\\\(|\\\[|\$\$|\\(frac|sum|alpha|theta|mathbb|mathcal|begin)\b/.test(node.data) && shown(node.parentElement)) out.text.push(node.data.trim().slice(0, 60));
  }
  return out;
}"""

_WAKE_LIVE = """() => {
  const live = [...document.querySelectorAll(".bk-figure[data-live] .bk-drawing")].slice(0, 20);
  for (const one of live) one.dispatchEvent(new PointerEvent("pointerenter"));
  return live.length;
}"""
_LIVE_DONE = """() => [...document.querySelectorAll(".bk-figure[data-live]")].slice(0, 20)
  .every(one => ["ready", "failed"].includes(one.dataset.answer))"""
_LIVE = """() => [...document.querySelectorAll(".bk-figure[data-live]")].slice(0, 20).map(one => {
  const {answer, deviation} = one.dataset, holder = one.parentElement.closest("[id]");
  return {name: "#" + (holder ? holder.id : one.id), answer: answer || "late", deviation: Number(deviation)};
})"""
_LIVE_SECONDS = 60
"""For the runtime, the models and the first answers of a page."""

_WIDE = r"""() => {
  const wide = document.scrollingElement.scrollWidth, screen = document.documentElement.clientWidth;
  if (wide <= screen + 1) return null;
  const clipped = one => { for (let up = one.parentElement; up && up !== document.body; up = up.parentElement)
    if (/auto|scroll|hidden|clip/.test(getComputedStyle(up).overflowX)) return true; return false; };
  let worst = null, right = screen + 1;
  for (const one of document.body.querySelectorAll("*")) {
    const box = one.getBoundingClientRect();
    if (box.width && box.right > right + 1 && !clipped(one)) { worst = one; right = box.right; }
  }
  const label = worst ? "<" + worst.tagName.toLowerCase() + (worst.id ? " id=" + worst.id : worst.className && worst.className.split ? " class=" + worst.className.split(" ")[0] : "") + ">" : "";
  return {wide, label};
}"""

_AXE = """() => axe.run(document, {resultTypes: ["violations"], elementRef: false, preload: false}).then(found => found.violations.map(
  one => ({id: one.id, impact: one.impact, help: one.help, count: one.nodes.length, first: one.nodes[0].target.join(" ")})))"""


@cache
def _axe_source() -> str:
    """axe-core, the accessibility rules; see ``vendor/axe-core``."""
    return resources.files("blogkit.check").joinpath("vendor", "axe-core", "axe.min.js").read_text(encoding="utf-8")


@contextmanager
def looking(rules: frozenset[str] | None = None) -> Iterator[OpenInBrowser]:
    """A browser that stays open for as many posts as there are; one that died is started anew for the next post.

    Of what takes long, only what ``rules`` ask for is looked at, by their names; all of it for None. Raises ToolMissing when Playwright or Chromium is not installed, ToolFailed when it does not start.
    """
    from blogkit.tools.chromium import chromium

    with ExitStack() as running:
        browsers: list[Browser] = []

        def look(post: Post) -> Mapping[str, Any]:
            if browsers and not browsers[-1].is_connected():
                running.close()
                browsers.clear()
            if not browsers:
                browsers.append(running.enter_context(chromium()))
            return _seen_in_browser(browsers[-1], post, rules)

        yield look


def _seen_in_browser(browser: Browser, post: Post, rules: frozenset[str] | None) -> dict[str, Any]:
    from blogkit.tools.chromium import visit

    def wanted(rule: str) -> bool:
        return rules is None or rule in rules

    assert post.page_name is not None
    with _unpacked(post) as root:
        page = root / post.page_name
        wide = visit(browser, page, root, lambda tab: _ask_wide(tab, axe=wanted("document")), settle=True)
        seen = wide.found
        asked = [url for url in wide.requests if not url.startswith("chrome")]
        found = {
            "requests": asked,
            "outside": wide.outside,
            "missing": wide.missing,
            "console": list(dict.fromkeys(text for text in wide.console if not _is_echo(text))),
            "undrawn": list(_undrawn(seen)),
            "axe": [_violation(one) for one in seen["axe"]],
        }
        if wanted("narrow-screen"):
            narrow = visit(browser, page, root, lambda tab: tab.evaluate(_WIDE), size=(390, 844))
            found["narrow"] = [_sideways(narrow.found)] if narrow.found else []
        if wanted("no-script"):
            still = visit(browser, page, root, _ask_still, javascript=False)
            found["still"] = [
                *(sentence for sentence in _undrawn(still.found) if sentence not in found["undrawn"]),
                *(
                    f"without JavaScript the page asks the network for {url}."
                    for url in still.requests
                    if url not in asked
                ),
            ]
    return found


def _ask_wide(tab: Tab, *, axe: bool) -> Any:
    # Accessibility is that of the page as it opens; afterwards everything on it is touched.
    violations = []
    if axe:
        tab.evaluate(_axe_source())
        violations = tab.evaluate(_AXE)
    live = _ask_live(tab)
    tab.evaluate(_TOUCH)
    return {**tab.evaluate(_LOOK), "axe": violations, "live": live}


def _ask_live(tab: Tab) -> list[Mapping[str, Any]]:
    """What the models of a page's live figures answer, before anything else is touched."""
    from blogkit.tools.chromium import wait_until

    if not tab.evaluate(_WAKE_LIVE):
        return []
    wait_until(tab, _LIVE_DONE, seconds=_LIVE_SECONDS)
    return list(tab.evaluate(_LIVE))


def _ask_still(tab: Tab) -> Any:
    # Lazy images load when they come near; without scripts the wheel does the scrolling.
    height = tab.evaluate("document.documentElement.scrollHeight")
    for _ in range(min(60, int(height / 700) + 1)):
        tab.mouse.wheel(0, 700)
        tab.wait_for_timeout(15)
    return tab.evaluate(_LOOK)


def _undrawn(seen: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    for name in dict.fromkeys(seen["images"]):
        yield f"the image {name} does not load."
    for name in dict.fromkeys(seen["figures"]):
        yield f"the figure {name} stays empty."
    for one in seen.get("live", ()):
        if one["answer"] != "ready":
            yield f"the model of the live figure {one['name']} does not answer."
        elif one["deviation"] is None or not one["deviation"] <= TOLERANCE:
            yield f"the model of the live figure {one['name']} answers otherwise than the figure is drawn."
    for text in dict.fromkeys(seen["equations"]):
        yield f"an equation shows {text}."
    for text in dict.fromkeys(seen["text"]):
        yield f"an equation shows as its source: {text}."


def _is_echo(text: str) -> bool:
    """Chromium's own words about a request that was refused; the request is reported by its rule."""
    return re.match(r"Failed to load resource: net::ERR_", text) is not None


def _sideways(found: Mapping[str, Any]) -> str:
    cause = f"; {found['label']} is the widest" if found.get("label") else ""
    return f"on a screen of 390 pixels the page is {found['wide']} wide and scrolls sideways{cause}."


def _violation(one: Mapping[str, Any]) -> str:
    places = f"{one['count']} places, first " if one["count"] > 1 else ""
    return f"{one['help']} ({one['id']}, {one['impact']}): {places}{one['first']}."


@contextmanager
def _unpacked(post: Post) -> Iterator[Path]:
    """The folder to open the page from: where it lies, or a copy of an archive's files."""
    if post.root is not None:
        yield post.root
        return
    with tempfile.TemporaryDirectory(prefix="blogkit-check-") as folder:
        root = Path(folder).resolve()
        for name in sorted(post.files.names):
            path = root / name
            if not path.resolve().is_relative_to(root):
                continue
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(post.files.read(name))
            except (OSError, ValueError):  # a name that this disk does not take, or a file where a folder stands
                continue
        yield root
