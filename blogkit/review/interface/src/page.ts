// What a reader can point at in a rendered post. The same as page/places.py and the lists of
// page/seen.py: a test holds them together.

const NO_TEXT_TAGS = new Set(
  ("annotation annotation-xml base button datalist dialog head input link meta nav noscript output script select " +
    "style svg template textarea title").split(" "),
);
const NO_TEXT_CLASSES =
  ("anchorjs-link bk-controls bk-data bk-drawing bk-origin bk-visibility-hidden code-copy-button d-none " +
    "footnote-back invisible quarto-categories quarto-listing quarto-title-meta screen-reader-only sr-only " +
    "vega-actions visually-hidden").split(" ");
const BLOCKS = new Set(
  ("address article aside blockquote body br caption center dd details div dl dt figcaption figure footer form h1 " +
    "h2 h3 h4 h5 h6 header hr li main math ol p pre section summary table tbody td tfoot th thead tr ul").split(" "),
);
const NO_TEXT_ATTRIBUTES = ["data-review-skip", "data-unseen", "hidden"];
const HIDING_STYLE = /(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b/i;
const SPACE = /[ \t\n\r\f\u00a0\u200b]+/g;
const PIECES = /[ \t\n\r\f\u00a0\u200b]+|[^ \t\n\r\f\u00a0\u200b]+/g;
const PLUMBING = /^(bk-|cb\d|fn|cite|ref-|quarto-|TOC|toc-|annotated-|title-block)/;

export interface Block { id: string; start: number; end: number }
export interface Equation { text: string; block: string | null; start: number; element?: Element }
export interface Image { source: string; block: string | null; element?: Element }
export interface Table { rows: string[][]; block: string | null; element?: Element }

/** A stretch of one text node, and where it stands in the page's text. */
interface Segment { node: Text; offset: number; start: number; length: number }

export interface Page {
  text: string;
  blocks: Block[];
  equations: Equation[];
  images: Image[];
  tables: Table[];
  segments: Segment[];
}

export const tagOf = (element: Element): string => element.localName.toLowerCase();

/** Whether an element holds none of the page's text: hidden, furniture, or a drawing. */
export function hasNoText(element: Element): boolean {
  return (
    NO_TEXT_TAGS.has(tagOf(element)) ||
    NO_TEXT_ATTRIBUTES.some((name) => element.hasAttribute(name)) ||
    NO_TEXT_CLASSES.some((name) => element.classList.contains(name)) ||
    HIDING_STYLE.test(element.getAttribute("style") ?? "")
  );
}

/** The words that a reader sees in an element; a block's border ends a word. */
export function visible(element: Element): string {
  if (hasNoText(element)) return "";
  let text = "";
  for (const child of element.childNodes) {
    if (child.nodeType === 3) text += (child as Text).data;
    else if (child.nodeType === 1) text += visible(child as Element);
  }
  return BLOCKS.has(tagOf(element)) && tagOf(element) !== "math" ? ` ${text} ` : text;
}

export const squeezed = (text: string): string => text.replace(SPACE, " ").replace(/^ | $/g, "");

export function rootOf(document: Document): Element {
  for (const name of ["main#quarto-document-content", "main", "d-article", "article"]) {
    const found = document.querySelectorAll(name);
    if (found.length === 1) return (name === "d-article" ? found[0]?.parentElement : found[0]) ?? document.body;
  }
  return document.body;
}

export function readPage(root: Element): Page {
  const page: Page = { text: "", blocks: [], equations: [], images: [], tables: [], segments: [] };
  const parts: string[] = [];
  let length = 0;
  let pending = "";

  const write = (piece: string) => {
    parts.push(piece);
    length += piece.length;
  };
  const read = (node: Text) => {
    for (const match of node.data.matchAll(PIECES)) {
      const piece = match[0];
      if (SPACE.test(piece)) {
        SPACE.lastIndex = 0;
        pending ||= " ";
        continue;
      }
      if (pending && length) write(pending);
      page.segments.push({ node, offset: match.index, start: length, length: piece.length });
      write(piece);
      pending = "";
    }
  };
  const walk = (element: Element, block: string | null) => {
    const name = element.id || "";
    const chart = element.hasAttribute("data-review-chart");
    const picture = element.getAttribute("data-review-image");
    if (picture && !chart) page.images.push({ source: picture, block: name && !PLUMBING.test(name) ? name : block, element });
    if (hasNoText(element)) return;
    const isBlock = BLOCKS.has(tagOf(element));
    if (isBlock && length) pending = "\n";
    const inner = name && !PLUMBING.test(name) ? name : block;
    const start = length + (pending && length ? 1 : 0);
    if (tagOf(element) === "math") {
      const text = squeezed(visible(element));
      if (text) page.equations.push({ text, block: inner, start, element });
    } else if (tagOf(element) === "table") {
      page.tables.push({ rows: rowsOf(element), block: inner, element });
    }
    for (const child of element.childNodes) {
      if (child.nodeType === 3) read(child as Text);
      else if (child.nodeType === 1) walk(child as Element, inner);
    }
    if (isBlock && length) pending = "\n";
    if (name && inner === name && length > start) page.blocks.push({ id: name, start, end: length });
  };
  walk(root, null);
  page.text = parts.join("");
  return page;
}

function rowsOf(table: Element): string[][] {
  return [...table.querySelectorAll("tr")].map((row) =>
    [...row.children].filter((cell) => ["td", "th"].includes(tagOf(cell))).map((cell) => squeezed(visible(cell))),
  );
}

export const blockNamed = (page: Page, id: string): Block | undefined => page.blocks.find((block) => block.id === id);

export const blockAt = (page: Page, start: number, end: number): Block | undefined =>
  page.blocks.find((block) => block.start <= start && end <= block.end);

/** The DOM range of a passage; null when nothing stands there. */
export function toRange(page: Page, start: number, end: number): Range | null {
  const first = page.segments.find((segment) => segment.start + segment.length > start);
  const last = page.segments.findLast((segment) => segment.start < end);
  if (!first || !last || first.start >= end) return null;
  const range = first.node.ownerDocument.createRange();
  range.setStart(first.node, first.offset + Math.max(0, start - first.start));
  range.setEnd(last.node, last.offset + Math.min(last.length, end - last.start));
  return range;
}

/** Where a DOM range stands in the page's text; null when it holds nothing visible. */
export function fromRange(page: Page, range: Range): { start: number; end: number } | null {
  let start = -1;
  let end = -1;
  for (const segment of page.segments) {
    if (!range.intersectsNode(segment.node)) continue;
    const from = segment.node === range.startContainer ? Math.max(0, range.startOffset - segment.offset) : 0;
    const to = segment.node === range.endContainer ? Math.min(segment.length, range.endOffset - segment.offset) : segment.length;
    if (from >= segment.length || to <= 0 || from >= to) continue;
    if (start < 0) start = segment.start + from;
    end = segment.start + to;
  }
  return start < 0 ? null : { start, end };
}
