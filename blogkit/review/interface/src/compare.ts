// For the test that holds anchor.ts and anchor.py together: the rule over pages that Python has read.
import { anchorPassage, type Selector } from "./anchor";
import type { Page } from "./page";

export function compare(cases: { page: Page; selectors: Selector[] }[]) {
  return cases.map(({ page, selectors }) => anchorPassage(page, selectors));
}
