// For the tests that hold the browser and Python together: what a page says, and where a passage of it belongs.
import { anchorPassage, type Selector } from "./anchor";
import { readPage, rootOf, type Page } from "./page";

export function compare(cases: { page: Page; selectors: Selector[] }[]) {
  return cases.map(({ page, selectors }) => anchorPassage(page, selectors));
}

/** What can be pointed at in a document, as plain values. */
export function placesOf(document: Document) {
  const { text, blocks, equations, images, tables } = readPage(rootOf(document));
  return {
    text,
    blocks,
    equations: equations.map(({ text, block }) => ({ text, block })),
    images: images.map(({ source, block }) => ({ source, block })),
    tables: tables.map(({ rows, block }) => ({ rows, block })),
  };
}
