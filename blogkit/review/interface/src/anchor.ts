// Where a comment belongs after the post was rendered again. The same rule as anchor.py: a test holds the two together.
import search from "approx-string-match";
import { blockAt, blockNamed, type Page } from "./page";

export const ATTACHED = 0.8;
export const TO_CHECK = 0.6;
const LONG = 48;
const TIE = 0.03;
export const CONTEXT = 48;
const CHANCE = 0.45;
const MOST_ERRORS = 0.5;

export type Selector = Record<string, unknown> & { type: string };
export interface Anchor {
  state: "attached" | "check" | "unanchored";
  score: number;
  start: number | null;
  end: number | null;
  block: string | null;
}

const UNANCHORED: Anchor = { state: "unanchored", score: 0, start: null, end: null, block: null };

export const fragment = (block: string): Selector => ({
  type: "FragmentSelector",
  conformsTo: "http://tools.ietf.org/rfc/rfc3236",
  value: block,
});

/** The selectors of a passage. */
export function describe(page: Page, start: number, end: number): Selector[] {
  const block = blockAt(page, start, end);
  const whole = (place: number, by: number) => place + (/^[\ud800-\udbff][\udc00-\udfff]$/.test(page.text.slice(Math.max(0, place - 1), place + 1)) ? by : 0);
  [start, end] = [whole(start, -1), whole(end, 1)]; // half a character is no text
  return [
    {
      type: "TextQuoteSelector",
      exact: page.text.slice(start, end),
      prefix: page.text.slice(whole(Math.max(0, start - CONTEXT), 1), start),
      suffix: page.text.slice(end, whole(Math.min(page.text.length, end + CONTEXT), -1)),
    },
    { type: "TextPositionSelector", start, end },
    ...(block ? [fragment(block.id)] : []),
  ];
}

export function namedBlock(selectors: readonly Selector[]): string | null {
  const found = selectors.find((s) => s.type === "FragmentSelector" && String(s.conformsTo).includes("rfc3236"));
  return found ? String(found.value) : null;
}

type Scored = [score: number, start: number, end: number];

/** The place of a passage. */
export function anchorPassage(page: Page, selectors: readonly Selector[]): Anchor {
  const quote = selectors.find((s) => s.type === "TextQuoteSelector");
  if (!quote) return UNANCHORED;
  const [exact, prefix, suffix] = [String(quote.exact), String(quote.prefix), String(quote.suffix)];
  if (!exact) return UNANCHORED;
  const position = selectors.find((s) => s.type === "TextPositionSelector");
  const hint = position ? Number(position.start) : null;
  const name = namedBlock(selectors);
  const here = name === null ? undefined : blockNamed(page, name);
  const within = (low: number, high: number) =>
    best(page.text, candidates(page.text, exact, prefix, suffix, low, high), exact, prefix, suffix, hint);
  let found = here ? within(here.start, here.end) : null;
  if (!found || found[0] < ATTACHED) {
    const anywhere = within(0, page.text.length);
    if (anywhere && (!found || anywhere[0] > found[0])) found = anywhere;
  }
  if (!found || found[0] < TO_CHECK) return UNANCHORED;
  const [score, start, end] = found;
  const state = score >= ATTACHED ? "attached" : "check";
  return { state, score, start, end, block: blockAt(page, start, end)?.id ?? null };
}

function find(text: string, sought: string, from: number, high: number): number {
  const at = text.indexOf(sought, from);
  return at >= 0 && at + sought.length <= high ? at : -1;
}

function candidates(text: string, exact: string, prefix: string, suffix: string, low: number, high: number) {
  const places = new Map<string, [number, number]>();
  const add = (start: number, end: number) => places.set(`${start} ${end}`, [start, end]);
  for (let at = find(text, exact, low, high); at !== -1 && places.size < 500; at = find(text, exact, at + 1, high)) {
    add(at, at + exact.length);
  }
  if (!places.size) {
    const most = Math.trunc(exact.length * MOST_ERRORS);
    for (const match of search(text.slice(low, high), exact, most)) add(low + match.start, low + match.end);
  }
  const before = prefix.slice(-16);
  const after = suffix.slice(0, 16);
  if (before.length >= 8 && after.length >= 8) {
    let tries = 0;
    for (let at = find(text, before, low, high); at !== -1 && tries < 100; at = find(text, before, at + 1, high)) {
      const start = at + before.length;
      const limit = Math.min(high + after.length, start + 2 * exact.length + 24 + after.length);
      const end = find(text, after, start, limit);
      if (end > start) add(start, end);
      tries += 1;
    }
  }
  return [...places.values()];
}

function best(
  text: string, places: [number, number][], exact: string, prefix: string, suffix: string, hint: number | null,
): Scored | null {
  const scored = places
    .map(([start, end]): Scored => [scoreOf(text, start, end, exact, prefix, suffix, hint), start, end])
    .sort((a, b) => b[0] - a[0] || a[1] - b[1] || a[2] - b[2]);
  const first = scored[0];
  if (!first) return null;
  let [score] = first;
  const [, start, end] = first;
  if (score < ATTACHED && speaks(text, start, end, exact, prefix, suffix)) score = ATTACHED;
  for (const [other, low, high] of scored.slice(1)) {
    if (other < score - TIE) break;
    if (low >= end || high <= start) return [Math.min(score, ATTACHED - 0.01), start, end];
  }
  return [score, start, end];
}

/** Whether the quotation stands here word for word, and it is long, or one side of it is the same, and is unique. */
function speaks(text: string, start: number, end: number, exact: string, prefix: string, suffix: string): boolean {
  if (text.slice(start, end) !== exact) return false;
  return [["", ""], [prefix, ""], ["", suffix]].some(([before, after]) => {
    const whole = before + exact + after;
    const at = start - before!.length;
    return whole.length >= LONG && text.indexOf(whole) === at && text.lastIndexOf(whole) === at;
  });
}

function scoreOf(
  text: string, start: number, end: number, exact: string, prefix: string, suffix: string, hint: number | null,
): number {
  const quoted = likeness(text.slice(start, end), exact);
  const before = likenessNear(text.slice(Math.max(0, start - prefix.length), start), prefix);
  const after = likenessNear(text.slice(end, end + suffix.length), suffix);
  const near = hint === null || !text ? 1 : 1 - Math.min(1, Math.abs(start - hint) / text.length);
  return (50 * quoted + 20 * before + 20 * after + 2 * near) / 92;
}

function distance(there: string, sought: string): number {
  const matches = search(there, sought, sought.length);
  return matches.length ? Math.min(...matches.map((match) => match.errors)) : sought.length;
}

function likeness(there: string, sought: string): number {
  if (there === sought) return 1;
  const errors = Math.max(distance(there, sought), distance(sought, there));
  return Math.max(0, 1 - errors / Math.max(sought.length, 1));
}

function likenessNear(there: string, sought: string): number {
  if (there === sought || !sought) return 1;
  return Math.max(0, 1 - distance(there, sought) / sought.length - CHANCE) / (1 - CHANCE);
}
