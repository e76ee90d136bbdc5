// What the post's frame and the app's page say to each other. Bodies of comments never go into the frame.
import type { Selector } from "./anchor";

/** A place that somebody wants to comment on; a mark of a chart offers itself, its series and the whole view. */
export interface Choice { label: string; quote: string; selectors: Selector[] }

export interface Shown {
  id: string;
  number: number;
  kind: string;
  closed: boolean;
  state: string;
  start: number | null; // which equation, picture or table it is now, and which row, where the server says so
  end: number | null;
  selectors: Selector[];
}

export type FromFrame =
  | { blogkit: 1; type: "ready"; pictures: boolean; titles: Record<string, string> }
  | { blogkit: 1; type: "choose"; choices: Choice[] }
  | { blogkit: 1; type: "cleared" }
  | { blogkit: 1; type: "opened"; id: string }
  | { blogkit: 1; type: "said"; text: string };

export type ToFrame =
  | { blogkit: 1; type: "hello" }
  | { blogkit: 1; type: "threads"; threads: Shown[]; writable: boolean }
  | { blogkit: 1; type: "show"; id: string }
  | { blogkit: 1; type: "region"; byKeys: boolean }
  | { blogkit: 1; type: "clear" };
