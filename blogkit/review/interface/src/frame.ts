// Runs inside the post's sandboxed frame: shows where comments are, and tells the app's page what the reader points at.
import { createTextAnnotator, type TextAnnotation } from "@recogito/text-annotator";
import { anchorPassage, describe, fragment, namedBlock, type Selector } from "./anchor";
import { blockOf, chartsOf, choicesAt, choicesFor, markList, placeOf, restore, titleOf } from "./charts";
import "@recogito/text-annotator/text-annotator.css";
import "./frame.css";
import type { Choice, FromFrame, Shown, ToFrame } from "./messages";
import { fromRange, readPage, rootOf, squeezed, tagOf, toRange, visible, type Page } from "./page";

declare const APP_ORIGIN: string;

type Message = FromFrame extends infer M ? (M extends { blogkit: 1 } ? Omit<M, "blogkit"> : never) : never;
const say = (message: Message) => window.parent.postMessage({ blogkit: 1, ...message }, APP_ORIGIN);

const COLOURS: Record<string, `#${string}`> = { "must-fix": "#dc2626", suggestion: "#d97706", question: "#2563eb", praise: "#16a34a" };

const root = rootOf(document) as HTMLElement;
let page: Page = readPage(root);
let threads: Shown[] = [];
let writable = false;
let active = "";

// --- an outline that stands above the post, for want of a margin, is folded up: the post begins at its title

const outline = document.querySelector<HTMLElement>("#quarto-margin-sidebar nav#TOC");
if (outline && outline.getBoundingClientRect().width > 0.6 * window.innerWidth) {
  const folded = document.createElement("details");
  folded.className = "review-outline";
  const title = document.createElement("summary");
  const heading = outline.querySelector("h2");
  title.textContent = heading?.textContent ?? "Outline";
  heading?.remove();
  outline.replaceWith(folded);
  folded.append(title, outline);
}

// --- figures wake up as they do for any reader; their runtime is in this page already

function wake(figure: HTMLElement): Promise<void> {
  if (figure.dataset.state === "awake" || figure.dataset.state === "static") return Promise.resolve();
  return new Promise((resolve) => {
    figure.addEventListener("blogkit:awake", () => resolve(), { once: true });
    setTimeout(resolve, 4000);
    if (!figure.dataset.state) {
      figure.dataset.state = "waking";
      figure.dispatchEvent(new CustomEvent("blogkit:wake", { bubbles: true }));
    }
  });
}
const exact = document.querySelector("script.review-exact");
if (exact?.textContent) {
  const tables = new Map<string, unknown>(Object.entries(JSON.parse(exact.textContent)));
  document.addEventListener("blogkit:ask", (event) => {
    const detail = (event as CustomEvent<{ table: string; columns: unknown }>).detail;
    detail.columns = tables.get(detail.table) ?? null;
  });
}
for (const figure of document.querySelectorAll<HTMLElement>(".bk-figure[data-awake]")) {
  const drawing = figure.querySelector(".bk-drawing");
  for (const type of ["pointerenter", "touchstart", "focus"]) drawing?.addEventListener(type, () => void wake(figure), { passive: true });
  for (const box of figure.querySelectorAll<HTMLElement>(".bk-controls[hidden]")) {
    box.hidden = false;
    for (const type of ["input", "focusin"]) box.addEventListener(type, () => void wake(figure));
  }
  for (const input of figure.querySelectorAll<HTMLElement>(".bk-live-input")) {
    for (const type of ["pointerenter", "pointerdown", "focusin"]) input.addEventListener(type, () => void wake(figure), { passive: true });
  }
}

// --- passages, through @recogito/text-annotator; where they belong is our own rule

const annotator = createTextAnnotator<TextAnnotation, TextAnnotation>(root, {
  renderer: "SPANS",
  annotatingEnabled: true,
  style: (annotation, state) => {
    const thread = threads.find((one) => one.id === annotation.id);
    const fill = COLOURS[thread?.kind ?? ""] ?? "#2563eb";
    const open = !thread?.closed;
    return {
      fill,
      fillOpacity: (state?.selected || annotation.id === active ? 0.34 : open ? 0.18 : 0.06) * (dark() ? 1.8 : 1),
      underlineColor: fill,
      underlineThickness: thread?.state === "check" ? 3 : 1.5,
      underlineOffset: 1,
    };
  },
});

const dark = () => window.matchMedia("(prefers-color-scheme: dark)").matches;

annotator.on("createAnnotation", (annotation) => {
  const range = annotation.target.selector[0]?.range;
  annotator.removeAnnotation(annotation.id);
  if (range && writable) choosePassage(range);
});
annotator.on("clickAnnotation", (annotation) => {
  if (threads.some((one) => one.id === annotation.id)) say({ type: "opened", id: annotation.id });
});

function choosePassage(range: Range): void {
  const place = fromRange(page, range);
  if (!place || place.end - place.start > 5000) return;
  const letters = /[\p{L}\p{N}]{2}/u; // half a word is the whole one
  while (letters.test(page.text.slice(place.start - 1, place.start + 1))) place.start -= 1;
  while (letters.test(page.text.slice(place.end - 1, place.end + 1))) place.end += 1;
  const selectors = describe(page, place.start, place.end);
  choose([{ label: "this passage", quote: page.text.slice(place.start, place.end), selectors }]);
}

const choose = (choices: Choice[]) => {
  if (writable && choices.length) say({ type: "choose", choices });
};

// --- equations, pictures, cells, charts

const TARGETS = "math, img[data-review-image], svg[data-review-image], td, th, [data-review-chart]";

function choicesOf(element: Element, event?: PointerEvent | MouseEvent): Choice[] {
  const chart = element.closest<HTMLElement>("[data-review-chart]");
  if (chart) {
    const box = chart.getBoundingClientRect();
    return choicesAt(chart, event?.clientX ?? box.x + box.width / 2, event?.clientY ?? box.y + box.height / 2);
  }
  const target = element.closest(TARGETS);
  if (!target) return [];
  const name = tagOf(target);
  if (name === "math") {
    const index = page.equations.findIndex((one) => one.element === target);
    const equation = page.equations[index];
    if (!equation) return [];
    const { prefix, suffix } = describe(page, equation.start, equation.start + equation.text.length)[0]!; // tells equal formulas apart
    const selectors: Selector[] = [{ type: "blogkit:EquationSelector", tex: equation.text, index, prefix, suffix }];
    if (equation.block) selectors.unshift(fragment(equation.block));
    return [{ label: "this equation", quote: equation.text, selectors }];
  }
  if (name === "td" || name === "th") {
    const table = target.closest("table");
    const number = page.tables.findIndex((one) => one.element === table);
    const known = page.tables[number];
    const row = target.parentElement;
    if (!known || !row) return [];
    const column = [...row.children].filter((one) => ["td", "th"].includes(tagOf(one))).indexOf(target);
    const cells = [...row.children].map((one) => squeezed(visible(one)));
    const key = keyOf(known.rows, cells);
    const named = (key.length ? key : cells.slice(0, 1)).join(", ");
    const value = squeezed(visible(target));
    const heading = known.rows[0]?.[column] ?? "";
    const cell: Selector = { type: "blogkit:CellSelector", row: cells[0] ?? "", column: heading, value, table: number, ...(key.length ? { cells: key } : {}) };
    return [
      { label: `the cell ${named} / ${heading}`, quote: `${named} / ${heading}: ${value}`, selectors: [...(known.block ? [fragment(known.block)] : []), cell] },
    ];
  }
  return pictureChoices(target, "");
}

/** The first cells of a row, as many as no other row of its table begins with; none when another row is all the same. */
function keyOf(rows: string[][], row: string[]): string[] {
  for (let length = 1; length <= Math.min(row.length, 20); length += 1) {
    const key = row.slice(0, length);
    if (rows.filter((other) => key.every((cell, place) => other[place] === cell)).length === 1) return key;
  }
  return [];
}

function pictureChoices(target: Element, region: string): Choice[] {
  const index = page.images.findIndex((one) => one.element === target);
  const picture = page.images[index];
  if (!picture) return [];
  const selectors: Selector[] = [{ type: "blogkit:ImageSelector", source: picture.source, index }];
  if (picture.block) selectors.unshift(fragment(picture.block));
  if (region) selectors.push({ type: "FragmentSelector", conformsTo: "http://www.w3.org/TR/media-frags/", value: region });
  const name = picture.block ? titleOf(picture.block) : "the picture";
  return [{ label: region ? `a region of ${name}` : name, quote: region ? `${name}, a region` : name, selectors }];
}

const tool = document.createElement("button");
tool.id = "review-tool";
tool.type = "button";
tool.hidden = true;
tool.setAttribute("data-review-skip", "");
document.body.append(tool);
let hovered: Element | null = null;
let pointed: PointerEvent | MouseEvent | undefined;

/** Offers to comment on what the pointer is at: in the corner of a picture, on the edge of a cell or an equation. */
function offer(event: PointerEvent): void {
  if (!writable || picking || (event.target as Element).closest?.("#review-tool")) return;
  const target = (event.target as Element).closest?.(TARGETS) ?? null;
  if (target && target !== hovered) {
    const small = target.matches("math, td, th");
    const box = (target.closest("[data-review-chart]") ?? target).getBoundingClientRect();
    tool.hidden = false;
    tool.className = small ? "small" : "";
    tool.textContent = small ? "+" : "Comment";
    tool.setAttribute("aria-label", target.matches("td, th") ? "Comment on this cell" : small ? "Comment on this equation" : "Comment");
    const [wide, high] = [tool.offsetWidth, tool.offsetHeight];
    const left = small ? box.right - Math.min(wide / 2, box.width / 4) : box.right - wide; // a small one stays in reach
    const top = small ? box.top + (box.height - high) / 2 : box.top - high - 4;
    tool.style.left = `${Math.max(4, Math.min(left, document.documentElement.clientWidth - wide - 4)) + window.scrollX}px`;
    tool.style.top = `${Math.max(4, top + window.scrollY)}px`;
  }
  if (target) [hovered, pointed] = [target, event];
}
document.addEventListener("pointermove", offer);
document.addEventListener("pointerdown", offer); // a finger does not hover
document.addEventListener("scroll", () => { tool.hidden = true; hovered = null; }, { passive: true });
tool.addEventListener("click", () => {
  if (hovered) choose(choicesOf(hovered, pointed));
  tool.hidden = true;
});
// A click on a mark of a live chart is a comment on the nearest mark: with a zoomable chart, Vega itself reports the frame.
document.addEventListener("click", (event) => {
  const element = event.target as Element;
  const link = element.closest?.("a[href]");
  if (link) {
    const address = link.getAttribute("href") ?? "";
    event.preventDefault();
    if (address.startsWith("#")) document.getElementById(decodeURIComponent(address.slice(1)))?.scrollIntoView({ block: "start" });
    else say({ type: "said", text: `This link leaves the review: ${address.slice(0, 300)}` });
    return;
  }
  const drawing = element.closest?.(".bk-drawing");
  const chart = drawing?.closest<HTMLElement>("[data-review-chart]");
  if (chart && writable && !picking && chart.dataset.state === "awake") choose(choicesAt(chart, event.clientX, event.clientY));
}, true);

// --- a region of a picture

let picking = false;
let corner: { x: number; y: number; target: Element } | null = null;
const layer = document.createElement("div");
layer.id = "review-layer";
layer.setAttribute("data-review-skip", "");
document.body.append(layer);
const frameOf = document.createElement("div");
frameOf.className = "region";

interface Region { x: number; y: number; w: number; h: number }
const regionValue = ({ x, y, w, h }: Region) => `xywh=percent:${[x, y, w, h].map((one) => Math.round(one * 10) / 10).join(",")}`;

function pick(on: boolean): void {
  picking = on;
  root.classList.toggle("review-picking", on);
  annotator.setAnnotatingEnabled(!on);
  frameOf.remove();
  frameOf.classList.remove("by-keys");
  corner = chosen = null;
}

// By keyboard the rectangle is there at once, and is moved and sized by the arrow keys.
const HINT = "Arrow keys move, with Shift they resize, Enter comments, Escape leaves";
let chosen: { target: Element; region: Region } | null = null;
frameOf.tabIndex = 0;
frameOf.setAttribute("role", "application"); // a screen reader leaves the arrow keys to the rectangle
frameOf.dataset.hint = HINT;

function pickByKeys(): void {
  const pictures = page.images.flatMap((one) => (one.element ? [one.element] : []));
  const target = pictures.find((one) => one === current) ?? pictures.find((one) => one.getBoundingClientRect().bottom > 0) ?? pictures[0];
  if (!target || !writable) return say({ type: "said", text: "There is no picture in this post." });
  pick(true);
  chosen = { target, region: { x: 25, y: 25, w: 50, h: 50 } };
  frameOf.classList.add("by-keys");
  layer.append(frameOf);
  target.scrollIntoView({ block: "center" });
  showRegion();
  frameOf.focus({ preventScroll: true });
  say({ type: "said", text: `${HINT}. ${frameOf.getAttribute("aria-label")}` });
}

function showRegion(): void {
  if (!chosen) return;
  const { target, region: { x, y, w, h } } = chosen;
  const box = target.getBoundingClientRect();
  const [left, top] = [box.x + window.scrollX + (box.width * x) / 100, box.y + window.scrollY + (box.height * y) / 100];
  Object.assign(frameOf.style, { left: `${left}px`, top: `${top}px`, width: `${(box.width * w) / 100}px`, height: `${(box.height * h) / 100}px` });
  const name = pictureChoices(target, "")[0]?.quote ?? "the picture";
  frameOf.setAttribute("aria-label", `Region of ${name}: ${x} % from the left, ${y} % from the top, ${w} % wide, ${h} % high`);
}

frameOf.addEventListener("keydown", (event) => {
  if (!chosen || event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, region } = chosen;
  const [across, down] = ({ ArrowLeft: [-2.5, 0], ArrowRight: [2.5, 0], ArrowUp: [0, -2.5], ArrowDown: [0, 2.5] } as Record<string, [number, number]>)[event.key] ?? [0, 0];
  if (across || down) {
    const within = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));
    if (event.shiftKey) Object.assign(region, { w: within(region.w + across, 5, 100 - region.x), h: within(region.h + down, 5, 100 - region.y) });
    else Object.assign(region, { x: within(region.x + across, 0, 100 - region.w), y: within(region.y + down, 0, 100 - region.h) });
    showRegion();
    say({ type: "said", text: frameOf.getAttribute("aria-label") ?? "" });
  } else if (event.key === "Enter" || event.key === "Escape") {
    pick(false);
    if (event.key === "Enter") choose(pictureChoices(target, regionValue(region)));
    else say({ type: "cleared" });
    (target as HTMLElement).focus({ preventScroll: true });
  } else return;
  event.preventDefault();
  event.stopPropagation();
});
document.addEventListener("pointerdown", (event) => {
  const target = picking ? (event.target as Element).closest("img[data-review-image], svg[data-review-image]") : null;
  if (!target) return;
  event.preventDefault();
  chosen = null;
  frameOf.classList.remove("by-keys");
  corner = { x: event.clientX, y: event.clientY, target };
  layer.append(frameOf);
});
document.addEventListener("pointermove", (event) => {
  if (!corner) return;
  const [x, y] = [Math.min(corner.x, event.clientX) + window.scrollX, Math.min(corner.y, event.clientY) + window.scrollY];
  Object.assign(frameOf.style, { left: `${x}px`, top: `${y}px`, width: `${Math.abs(event.clientX - corner.x)}px`, height: `${Math.abs(event.clientY - corner.y)}px` });
});
document.addEventListener("pointerup", (event) => {
  if (!corner) return;
  const { target, x, y } = corner;
  const box = target.getBoundingClientRect();
  const percent = (value: number, whole: number) => Math.round(Math.max(0, Math.min(100, (100 * value) / whole)) * 10) / 10;
  const [left, top] = [percent(Math.min(x, event.clientX) - box.x, box.width), percent(Math.min(y, event.clientY) - box.y, box.height)];
  const [right, bottom] = [percent(Math.max(x, event.clientX) - box.x, box.width), percent(Math.max(y, event.clientY) - box.y, box.height)];
  pick(false);
  if (right - left < 1 || bottom - top < 1) return;
  choose(pictureChoices(target, regionValue({ x: left, y: top, w: right - left, h: bottom - top })));
});

// --- showing threads

/** The element that a thread is about: the server says which equation, picture or row it is now; nothing is guessed. */
function elementOf({ selectors, start, end }: Shown): Element | null {
  const name = namedBlock(selectors);
  for (const selector of selectors) {
    if (selector.type === "blogkit:MarkSelector") return name ? (chartsOf(name)[Number(selector.chart ?? 0)] ?? null) : null;
    if (selector.type === "blogkit:EquationSelector") return page.equations[start ?? Number(selector.index)]?.element ?? null;
    if (selector.type === "blogkit:ImageSelector") return page.images[start ?? Number(selector.index)]?.element ?? null;
    if (selector.type === "blogkit:CellSelector") {
      const table = page.tables[start ?? Number(selector.table ?? 0)];
      const column = table?.rows[0]?.indexOf(String(selector.column)) ?? -1;
      const key = (selector.cells as string[] | undefined) ?? [String(selector.row)];
      const row = end ?? table?.rows.findIndex((cells) => key.every((cell, place) => cells[place] === cell)) ?? -1;
      return (column >= 0 && row >= 0 && table?.element?.querySelectorAll("tr")[row]?.children[column]) || null;
    }
  }
  return null;
}

function boxOf(element: Element, selectors: Selector[]): DOMRect {
  const box = element.getBoundingClientRect();
  const mark = selectors.find((one) => one.type === "blogkit:MarkSelector");
  if (mark?.fields) {
    const place = placeOf(element, mark);
    if (place) return place;
  }
  const region = selectors.find((one) => String(one.conformsTo ?? "").includes("media-frags"));
  const numbers = /^xywh=percent:([\d.]+),([\d.]+),([\d.]+),([\d.]+)$/.exec(String(region?.value ?? ""));
  if (!numbers) return box;
  const [x, y, w, h] = numbers.slice(1).map(Number) as [number, number, number, number];
  return new DOMRect(box.x + (box.width * x) / 100, box.y + (box.height * y) / 100, (box.width * w) / 100, (box.height * h) / 100);
}

function draw(): void {
  for (const pin of layer.querySelectorAll(".pin")) pin.remove();
  for (const thread of threads) {
    if (thread.state === "unanchored") continue;
    const element = elementOf(thread);
    if (!element) continue;
    const box = boxOf(element, thread.selectors);
    const pin = document.createElement("button");
    pin.type = "button";
    pin.className = `pin ${thread.kind}${thread.id === active ? " active" : ""}`;
    pin.dataset.mark = String(thread.number);
    pin.setAttribute("aria-label", `Comment ${thread.number}`);
    pin.tabIndex = -1;
    Object.assign(pin.style, { left: `${box.x + window.scrollX - 3}px`, top: `${box.y + window.scrollY - 3}px`, width: `${box.width + 6}px`, height: `${box.height + 6}px` });
    pin.addEventListener("click", () => say({ type: "opened", id: thread.id }));
    layer.append(pin);
  }
}

function showThreads(): void {
  page = readPage(root);
  const passages: TextAnnotation[] = [];
  for (const thread of threads) {
    const quote = thread.selectors.find((one) => one.type === "TextQuoteSelector");
    if (!quote || thread.state === "unanchored") continue;
    const place = anchorPassage(page, thread.selectors);
    const range = place.start === null || place.end === null ? null : toRange(page, place.start, place.end);
    if (!range) continue;
    passages.push({
      id: thread.id,
      bodies: [],
      target: { annotation: thread.id, selector: [{ quote: String(quote.exact), start: place.start!, end: place.end!, range }] },
    } as unknown as TextAnnotation);
  }
  annotator.setAnnotations(passages, true);
  draw();
}

async function show(id: string): Promise<void> {
  active = id;
  const thread = threads.find((one) => one.id === id);
  if (!thread) return;
  const element = elementOf(thread);
  if (element) {
    const chart = element.closest<HTMLElement>(".bk-figure[data-awake]");
    const mark = thread.selectors.find((one) => one.type === "blogkit:MarkSelector");
    element.scrollIntoView({ block: "center" });
    if (chart && mark) {
      await wake(chart);
      if (mark.state && Object.keys(mark.state as object).length) restore(chart, mark.state);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    draw();
    return;
  }
  if (thread.selectors.some((one) => one.type === "TextQuoteSelector")) {
    const place = anchorPassage(page, thread.selectors);
    const range = place.start === null || place.end === null ? null : toRange(page, place.start, place.end);
    const near = range?.startContainer.parentElement;
    near?.scrollIntoView({ block: "center" });
    near?.classList.add("review-flash");
    setTimeout(() => near?.classList.remove("review-flash"), 1700);
  }
  draw();
}

// --- by keyboard alone: j and k walk, Enter comments, s takes one sentence after the other,
// r marks a region of a picture, arrows walk a chart's marks

const STOPS = "h1, h2, h3, h4, p, li, figcaption, pre, math, img[data-review-image], svg[data-review-image], td, th, [data-review-chart]";
let current: Element | null = null;
let sentence = -1;
let markNumber = -1;

function stops(): Element[] {
  return [...root.querySelectorAll(STOPS)].filter((one) => {
    if (one.closest("[data-review-skip], .bk-drawing, details.bk-data, details.bk-origin")) return false;
    return one.getBoundingClientRect().height > 0;
  });
}

function step(by: number): void {
  const all = stops();
  const at = current ? all.indexOf(current) : -1;
  const next = all[Math.max(0, Math.min(all.length - 1, at + by))];
  if (!next) return;
  current?.classList.remove("review-current");
  current = next;
  sentence = markNumber = -1;
  next.classList.add("review-current");
  if (!next.hasAttribute("tabindex")) next.setAttribute("tabindex", "-1");
  (next as HTMLElement).focus({ preventScroll: true }); // so that a screen reader says it, and Enter means it
  next.scrollIntoView({ block: "nearest" });
  const chart = next.closest<HTMLElement>(".bk-figure[data-awake]");
  if (chart) void wake(chart);
  say({ type: "said", text: `${tagOf(next)}: ${squeezed(visible(next)).slice(0, 200) || (next.getAttribute("aria-label") ?? titleOf(blockOf(next)))}` });
}

function sentencesOf(element: Element): { start: number; end: number }[] {
  const range = document.createRange();
  range.selectNodeContents(element);
  const place = fromRange(page, range);
  if (!place) return [];
  const text = page.text.slice(place.start, place.end);
  return [...text.matchAll(/[^.!?]+(?:[.!?]+(?=\s|$)|$)|[^.!?]+[.!?]+/g)]
    .map((match) => {
      const lead = match[0].length - match[0].trimStart().length;
      return { start: place.start + match.index + lead, end: place.start + match.index + match[0].trimEnd().length };
    })
    .filter((one) => one.end > one.start);
}

document.addEventListener("keydown", (event) => {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea")) return;
  if (event.key === "Enter" && target !== current && target.closest("a, button, summary")) return;
  const chart = current?.closest<HTMLElement>("[data-review-chart]") ?? null;
  const list = chart && markNumber >= -1 && ["ArrowRight", "ArrowLeft", "Enter"].includes(event.key) ? markList(chart) : [];
  if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "r") pickByKeys();
  else if (event.key === "s" && current) {
    const all = sentencesOf(current);
    if (!all.length) return;
    sentence = (sentence + 1) % all.length;
    const range = toRange(page, all[sentence]!.start, all[sentence]!.end);
    if (range) {
      const selection = window.getSelection();
      selection?.removeAllRanges();
      selection?.addRange(range);
      say({ type: "said", text: page.text.slice(all[sentence]!.start, all[sentence]!.end) });
    }
  } else if ((event.key === "ArrowRight" || event.key === "ArrowLeft") && list.length) {
    markNumber = (markNumber + (event.key === "ArrowRight" ? 1 : -1) + list.length) % list.length;
    say({ type: "said", text: choicesFor(chart!, list[markNumber]!)[0]?.quote ?? "" });
    event.preventDefault();
  } else if (event.key === "Enter" && current) {
    event.preventDefault();
    const mark = markNumber >= 0 ? list[markNumber] : undefined;
    if (mark && chart) choose(choicesFor(chart, mark));
    else if (current.matches(TARGETS)) choose(choicesOf(current));
    else {
      const all = sentence >= 0 ? sentencesOf(current) : [];
      const range = document.createRange();
      range.selectNodeContents(current);
      choosePassage((sentence >= 0 && toRange(page, all[sentence]!.start, all[sentence]!.end)) || range);
    }
  } else if (event.key === "Escape") {
    pick(false);
    window.getSelection()?.removeAllRanges();
    say({ type: "cleared" });
  }
});

function sayReady(): void {
  say({ type: "ready", pictures: page.images.length > 0, titles: Object.fromEntries(page.blocks.filter(({ id }) => /^(fig|tbl)-/.test(id)).map(({ id }) => [id, titleOf(id)])) });
}

// --- talking with the app's page: nothing else may tell this frame anything

window.addEventListener("message", (event: MessageEvent<ToFrame>) => {
  if (event.source !== window.parent || event.origin !== APP_ORIGIN || event.data?.blogkit !== 1) return;
  const message = event.data;
  if (message.type === "threads") {
    threads = message.threads;
    writable = message.writable;
    annotator.setAnnotatingEnabled(writable);
    showThreads();
    document.body.dataset.review = writable ? "open" : "reading";
  } else if (message.type === "show") void show(message.id);
  else if (message.type === "region") message.byKeys ? pickByKeys() : pick(true);
  else if (message.type === "hello") sayReady();
  else if (message.type === "clear") window.getSelection()?.removeAllRanges();
});
let redraw = 0;
new ResizeObserver(() => {
  cancelAnimationFrame(redraw);
  redraw = requestAnimationFrame(() => { draw(); showRegion(); });
}).observe(root);
document.addEventListener("blogkit:awake", () => requestAnimationFrame(draw));
sayReady();
