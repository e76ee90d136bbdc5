// What somebody wrote waits here until the server has it: over reloads, without network, each write exactly once.
// The id of an event is its idempotency key, so sending it again is harmless.

export type Document = Record<string, unknown> & { id: string; type: string };
/** Why something waits: nothing, the server is away, or nobody is signed in. */
export type Trouble = "" | "away" | "signed out";
export interface Answered { status: number; body: Record<string, unknown> }

export class Queue {
  private timer = 0;
  private sending = false;
  private wait = 1000;
  private trouble: Trouble = "";

  constructor(
    private readonly name: string,
    private readonly send: (document: Document) => Promise<Answered>,
    private readonly done: (document: Document, answer: Answered) => void,
    private readonly changed: (waiting: number, trouble: Trouble) => void,
  ) {
    window.addEventListener("online", () => void this.flush());
    void this.flush();
  }

  /** Everything that the server does not have yet. */
  get pending(): Document[] {
    return this.memory ?? this.waiting;
  }

  get waiting(): Document[] {
    try {
      const kept = JSON.parse(localStorage.getItem(this.name) ?? "[]");
      return Array.isArray(kept) ? kept : [];
    } catch {
      return [];
    }
  }

  private keep(documents: Document[]): void {
    try {
      if (documents.length) localStorage.setItem(this.name, JSON.stringify(documents));
      else localStorage.removeItem(this.name);
    } catch {
      /* a full or forbidden storage: the event is still sent, from memory */
      this.memory = documents;
    }
  }
  private memory: Document[] | null = null;

  push(document: Document): void {
    this.keep([...(this.memory ?? this.waiting), document]);
    if (this.trouble) this.changed((this.memory ?? this.waiting).length, this.trouble); // the next try is due in its time
    else void this.flush();
  }

  async flush(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    clearTimeout(this.timer);
    try {
      for (;;) {
        const [next] = this.memory ?? this.waiting;
        this.changed((this.memory ?? this.waiting).length, this.trouble);
        if (!next) return;
        let answer: Answered;
        try {
          answer = await this.send(next);
        } catch {
          answer = { status: 0, body: {} };
        }
        if (answer.status === 0 || answer.status === 401 || answer.status === 429 || answer.status >= 500) {
          this.trouble = answer.status === 401 ? "signed out" : "away";
          this.changed((this.memory ?? this.waiting).length, this.trouble);
          this.timer = window.setTimeout(() => void this.flush(), this.wait);
          this.wait = Math.min(this.wait * 1.6, 15000); // longer with each try that fails
          return;
        }
        this.wait = 1000;
        this.trouble = "";
        this.keep((this.memory ?? this.waiting).filter((one) => one.id !== next.id));
        this.done(next, answer);
      }
    } finally {
      this.sending = false;
    }
  }
}
