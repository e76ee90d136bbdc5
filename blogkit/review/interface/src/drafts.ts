// What somebody is writing, field by field: kept by the browser at every keystroke, over redraws, reloads and sign-outs,
// until it was given to the queue or discarded.
import type { Choice } from "./messages";

export interface Draft {
  text: string;
  kind?: string;
  choices?: Choice[]; // where a comment belongs
  index?: number;
  revision?: string;
  state?: string;
  commit?: string;
}

export class Drafts {
  private readonly memory = new Map<string, Draft>(); // where the storage is full or forbidden

  constructor(private readonly name: string) {}

  get(field: string): Draft | null {
    try {
      const kept = JSON.parse(localStorage.getItem(`${this.name}:${field}`) ?? "null");
      if (kept && typeof kept.text === "string") return kept;
    } catch {
      /* as if there were none */
    }
    return this.memory.get(field) ?? null;
  }

  set(field: string, draft: Draft): void {
    this.memory.set(field, draft);
    try {
      localStorage.setItem(`${this.name}:${field}`, JSON.stringify(draft));
    } catch {
      /* kept in memory */
    }
  }

  /** Another tab changed a field, by its key in the storage: what this one remembers of it is old. */
  forget(key: string): void {
    this.memory.delete(key.slice(this.name.length + 1));
  }

  drop(field: string): void {
    this.memory.delete(field);
    try {
      localStorage.removeItem(`${this.name}:${field}`);
    } catch {
      /* nothing was kept there */
    }
  }
}
