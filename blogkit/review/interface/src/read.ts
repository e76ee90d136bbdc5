// The app's page beside the post's frame: comments, composer, rubric. What the frame says is untrusted: it is checked,
// shown as text, and never more than a place that the server checks again.
import type { Selector } from "./anchor";
import { fromServer, h } from "./dom";
import { Drafts, type Draft } from "./drafts";
import type { Choice, FromFrame, ToFrame } from "./messages";
import { Queue, type Answered, type Document, type Trouble } from "./queue";

interface Reply { id: string; label: string; name: string; mine: boolean; text: string | null; html: string; answer: { state: string; commit?: string } | null }
interface Thread {
  id: string; label: string; name: string; mine: boolean; kind: string; text: string | null; html: string; edited: boolean; closed: boolean;
  answer: string; revision: string; number: number; selectors: Selector[]; made: Selector[]; offer: Selector[] | null;
  anchor: { state: "attached" | "check" | "unanchored"; start: number | null; end: number | null; block: string | null; change: string };
  replies: Reply[];
  may: Record<"edit" | "delete" | "close" | "settle" | "reply" | "answer", boolean>;
}
interface Criterion { name: string; title: string; points: number; asks: string; questions: string[] }
interface Mine { head: string | null; scores: Record<string, number>; notes: Record<string, string>; summary: string; submitted: boolean; changed: boolean; conflict: Document[] }
interface Other { label: string; name: string; total: number; points: number; scores: Record<string, number>; notes: Record<string, string>; summary: string }
interface View {
  own: string; post: string; role: string; offline: boolean; me: string; revision: string; number: number; due: string; threads: Thread[];
  rubric: { version: string; points: number; criteria: Criterion[] }; mine: Mine | null; others: Other[]; may: string[];
}

const KINDS: [string, string][] = [["suggestion", "Suggestion"], ["must-fix", "Must fix"], ["question", "Question"], ["praise", "Praise"]];
const STATES: Record<string, string> = { done: "Done", disagree: "We disagree", later: "Later" };

const review = document.getElementById("review")!;
const frame = document.getElementById("post") as HTMLIFrameElement;
const panel = document.getElementById("panel")!;
const saved = document.getElementById("saved")!;
const { post, revision, latest } = review.dataset as Record<"post" | "revision" | "latest", string>;
let csrf = review.dataset.csrf!; // of the session; signing in again gives another
const current = latest === "yes";

let view: View;
let queue: Queue;
let drafts: Drafts;
let opened = "";
let tab: "comments" | "rubric" = "comments";
type Target = { choices: Choice[]; index: number };
let target: Target | null = null;
let offered: Target | null = null; // another place that was pointed at while a comment was being written
let placing = ""; // the comment that is being given another place
let rubricHead: string | null = null;
let frameReady = false;
let pictures = false;
let titles = new Map<string, string>(); // “Figure 2” by id, as the post's own captions say

const uuid = () => `urn:uuid:${crypto.randomUUID?.() ?? fallbackUuid()}`;
function fallbackUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 15) | 64;
  bytes[8] = (bytes[8]! & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

async function ask(path: string, body?: unknown): Promise<Answered> {
  const answer = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: body === undefined ? {} : { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const parsed = await answer.json().catch(() => ({}));
  return { status: answer.status, body: parsed as Record<string, unknown> };
}

const body = (value: string) => ({ type: "TextualBody", format: "text/markdown", value });

// --- the frame

const tell = (message: ToFrame) => frame.contentWindow?.postMessage(message, "*"); // its origin is opaque; nothing secret is said

const SELECTORS = new Set(["TextQuoteSelector", "TextPositionSelector", "FragmentSelector", "blogkit:EquationSelector", "blogkit:ImageSelector", "blogkit:CellSelector", "blogkit:MarkSelector"]);

function isChoice(value: unknown): value is Choice {
  const choice = value as Choice;
  return (
    typeof choice?.label === "string" && typeof choice.quote === "string" && Array.isArray(choice.selectors) && choice.selectors.length <= 6 &&
    choice.selectors.every((one) => SELECTORS.has(one?.type)) && JSON.stringify(choice).length < 60000
  );
}

window.addEventListener("message", (event: MessageEvent<FromFrame>) => {
  if (event.source !== frame.contentWindow || event.origin !== "null" || event.data?.blogkit !== 1) return;
  const message = event.data;
  if (message.type === "ready") {
    frameReady = true;
    pictures = message.pictures === true;
    titles = new Map(Object.entries(message.titles ?? {}).filter(([, title]) => typeof title === "string").map(([id, title]) => [id, title.slice(0, 40)]));
    if (view && !target && tab === "comments") render();
    showInFrame();
  } else if (message.type === "choose" && Array.isArray(message.choices)) {
    const choices = message.choices.slice(0, 4).filter(isChoice);
    if (choices.length && canComment()) {
      const chosen = { choices, index: 0 };
      if (!placing && unfinished()) {
        resume();
        offered = chosen;
      } else target = chosen;
      compose();
    }
  } else if (message.type === "opened" && typeof message.id === "string") open(message.id, false);
  else if (message.type === "said" && typeof message.text === "string") announce(message.text.slice(0, 400));
});

// The frame may have been there first, and have said so to nobody.
frame.addEventListener("load", () => { if (!frameReady) tell({ blogkit: 1, type: "hello" }); });

function showInFrame(): void {
  if (!frameReady || !view) return;
  tell({
    blogkit: 1,
    type: "threads",
    writable: canComment(),
    threads: view.threads.map((thread, number) => ({
      id: thread.id,
      number: number + 1,
      kind: thread.kind,
      closed: thread.closed,
      // an earlier revision shows what was made on it, where it was made
      state: current ? thread.anchor.state : thread.revision === revision ? "attached" : "unanchored",
      start: current ? thread.anchor.start : null,
      end: current ? thread.anchor.end : null,
      selectors: current ? thread.selectors : thread.made,
    })),
  });
}

const canComment = () => current && view?.may.includes("comment");
const announce = (text: string) => { saved.textContent = text; };

// --- comments

function open(id: string, inFrame = true): void {
  opened = id;
  tab = "comments";
  render();
  document.getElementById(`t-${id}`)?.scrollIntoView({ block: "nearest" });
  if (inFrame) tell({ blogkit: 1, type: "show", id });
}

const quoteOf = (selectors: Selector[]): string => {
  for (const one of selectors) {
    if (one.type === "TextQuoteSelector") return String(one.exact);
    if (one.type === "blogkit:EquationSelector") return String(one.tex);
    if (one.type === "blogkit:CellSelector") return `${((one.cells as string[] | undefined) ?? [one.row]).join(", ")} / ${one.column}: ${one.value}`;
    if (one.type === "blogkit:MarkSelector") return markQuote(one, selectors);
  }
  const block = selectors.find((one) => one.type === "FragmentSelector");
  const region = selectors.some((one) => String(one.conformsTo ?? "").includes("media-frags")) ? ", a region" : "";
  return block ? titled(block.value) + region : "the post as a whole";
};

const titled = (id: unknown) => titles.get(String(id)) ?? String(id);

function markQuote(mark: Selector, selectors: Selector[]): string {
  const figure = titled(selectors.find((one) => one.type === "FragmentSelector")?.value ?? "a chart");
  if (mark.part === "state") return `${figure} as it stood`;
  const pairs = (fields: unknown) => Object.entries((fields ?? {}) as object).map(([name, value]) => `${name} ${typeof value === "number" ? Number(value.toPrecision(4)) : value}`).join(", ");
  const run = mark.run ? ` · ${mark.run}` : "";
  const panel = mark.panel ? `, ${mark.panel}` : "";
  const place = pairs({ ...mark.fields as object, ...mark.computed as object }) || "the only mark";
  return mark.part === "series" ? `${figure}${panel}, series ${place}` : `${figure}${panel}, ${place}: ${pairs(mark.value)}${run}`;
}

const button = (label: string, act: (event: Event) => void, kind = "") => h("button", { type: "button", class: kind, onclick: act }, label);

/** The letter that everybody sees, and the name where the server gives one: to staff alone. */
const whoIs = ({ label, name }: { label: string; name: string }) => (name ? `${label} · ${name}` : label);

function threadCard(thread: Thread, number: number): HTMLElement {
  const about = { "blogkit:about": thread.id };
  const state = thread.anchor.state;
  const card = h(
    "article",
    { class: `thread ${thread.kind}${thread.id === opened ? " opened" : ""}${thread.closed ? " closed" : ""}`, id: `t-${thread.id}`, tabindex: 0, "aria-label": `Comment ${number}` },
    h("header", {},
      h("button", { type: "button", class: "number", onclick: () => open(thread.id), "aria-label": `Show comment ${number} in the post` }, String(number)),
      h("b", {}, thread.mine ? `${thread.label} (you)` : whoIs(thread)),
      h("span", { class: `tag ${thread.kind}` }, KINDS.find(([kind]) => kind === thread.kind)?.[1] ?? thread.kind),
      thread.closed && h("span", { class: "tag" }, "closed"),
      thread.answer && h("span", { class: "tag answer" }, STATES[thread.answer] ?? thread.answer),
      thread.edited && h("span", { class: "quiet" }, "edited"),
    ),
    h("blockquote", { class: "quote" }, quoteOf(thread.made)),
  );
  card.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target === card) open(thread.id); });
  if (thread.anchor.change) card.append(h("p", { class: "change" }, thread.anchor.change));
  if (state === "check") {
    card.append(h("p", { class: "notice check" }, "Moved? Please check. ",
      thread.may.settle && thread.offer && button("It is here", () => write({ type: "blogkit:Settle", "blogkit:revision": view.revision, target: { source: `urn:blogkit:post:${post}`, selector: thread.offer }, ...about })),
      thread.may.settle && button("It is gone", () => write({ type: "blogkit:Settle", "blogkit:revision": view.revision, target: { source: `urn:blogkit:post:${post}` }, ...about })),
      thread.may.settle && canComment() && button("Place it elsewhere", (event) => place(thread.id, event))));
  } else if (state === "unanchored") {
    card.append(h("p", { class: "notice lost" }, "This place is not in the newest revision. ", h("a", { href: `/read/${post}/${thread.revision}` }, `See revision ${thread.number || ""}`), " ",
      thread.may.settle && canComment() && button("Place it again", (event) => place(thread.id, event))));
  }
  card.append(fromServer(thread.html));
  for (const reply of thread.replies) {
    card.append(h("div", { class: "reply" },
      h("b", {}, reply.mine ? `${reply.label} (you)` : whoIs(reply)), " ",
      reply.answer && h("span", { class: "tag answer" }, (STATES[reply.answer.state] ?? "") + (reply.answer.commit ? ` in ${reply.answer.commit}` : "")),
      fromServer(reply.html)));
  }
  const actions = h("div", { class: "actions" });
  if (thread.may.answer) actions.append(button("Answer", () => begin(thread, "answer")));
  else if (thread.may.reply) actions.append(button("Reply", () => begin(thread, "reply")));
  if (thread.may.close) actions.append(button(thread.closed ? "Reopen" : "Close", () => write({ type: thread.closed ? "blogkit:Reopen" : "blogkit:Close", ...about })));
  if (thread.may.edit) actions.append(button("Edit", () => begin(thread, "edit")));
  if (thread.may.delete) actions.append(button("Delete", () => { if (confirm("Delete this comment?")) write({ type: "blogkit:Delete", ...about }); }));
  card.append(actions);
  for (const mode of MODES) {
    const draft = drafts.get(fieldOf(thread.id, mode));
    if (draft) card.append(threadForm(thread, mode, draft));
  }
  return card;
}

// A reply, an answer and an edit of a comment: each a form and a draft of its own until it is sent.
type Mode = "reply" | "answer" | "edit";
const MODES: Mode[] = ["edit", "answer", "reply"];
const fieldOf = (id: string, mode: Mode) => `${mode}:${id}`;

function begin(thread: Thread, mode: Mode): void {
  const field = fieldOf(thread.id, mode);
  if (!drafts.get(field)) drafts.set(field, { text: mode === "edit" ? newestText(thread) : "", state: "done", commit: "" });
  render();
  document.getElementById(`text-${field}`)?.focus();
}

// A comment as its writer left it, also where the server does not have the last edit yet.
function newestText(thread: Thread): string {
  const edit = queue.pending.filter((one) => one.type === "blogkit:Edit" && one["blogkit:about"] === thread.id).at(-1);
  return (edit?.body as { value?: string } | undefined)?.value ?? thread.text ?? "";
}

function threadForm(thread: Thread, mode: Mode, draft: Draft): HTMLElement {
  const label = { reply: "Reply", answer: "Answer", edit: "Comment" }[mode];
  const field = fieldOf(thread.id, mode);
  const text = h("textarea", { id: `text-${field}`, rows: mode === "edit" ? 5 : 3, required: true, "aria-label": label, maxlength: 20000 });
  const state = h("select", { id: `state-${field}`, "aria-label": "What comes of it" }, ...Object.entries(STATES).map(([value, name]) => h("option", { value, selected: value === draft.state }, name)));
  const commit = h("input", { id: `commit-${field}`, placeholder: "commit, such as 98b85a5", pattern: "[0-9a-f]{4,40}", "aria-label": "Commit" });
  text.value = draft.text;
  commit.value = draft.commit ?? "";
  const keep = () => drafts.set(field, { text: text.value, state: state.value, commit: commit.value });
  for (const one of [text, state, commit]) one.addEventListener("input", keep);
  const end = () => { drafts.drop(field); render(); };
  return h("form", { "data-mode": mode, onsubmit: (event) => {
    event.preventDefault();
    const about = mode === "edit"
      ? { type: "blogkit:Edit", "blogkit:about": thread.id }
      : { type: "Annotation", motivation: "replying", target: { source: thread.id } };
    const answer = { state: state.value, ...(commit.value ? { commit: commit.value } : {}) };
    write({ ...about, body: body(text.value), ...(mode === "answer" ? { "blogkit:answer": answer } : {}) });
    end();
  } }, mode === "answer" && h("div", { class: "row" }, state, commit), text,
    h("div", { class: "actions" }, h("button", { class: "primary" }, mode === "edit" ? "Save" : "Send"), button("Cancel", end)));
}

// --- the composer

// The comment that was begun and not sent, if any words of it are there.
function unfinished(): Draft | null {
  const draft = drafts.get("comment");
  return draft?.text.trim() ? draft : null;
}

// Back to that comment, at its own place; on a newer revision its place has to be shown again.
function resume(): void {
  const draft = unfinished();
  if (!draft || target) return;
  const whole = { label: "the post as a whole", quote: "", selectors: [] };
  target = draft.revision === revision && draft.choices?.length ? { choices: draft.choices, index: draft.index ?? 0 } : { choices: [whole], index: 0 };
}

function compose(): void {
  tab = "comments";
  render();
  panel.querySelector<HTMLElement>("#composer textarea, #placer .primary")?.focus();
}

const byKeys = (event: Event) => (event as MouseEvent).detail === 0;

function place(id: string, event: Event): void {
  placing = id;
  target = null;
  compose();
  panel.scrollTop = 0;
  if (byKeys(event)) frame.focus();
  announce("Choose a place in the post.");
}

const regionButton = () => pictures && button("Mark a region of a picture", (event) => {
  if (byKeys(event)) frame.focus();
  tell({ blogkit: 1, type: "region", byKeys: byKeys(event) });
  if (!byKeys(event)) announce("Draw a rectangle on a picture.");
});

// What the chosen place may mean (a mark, its series, the whole view), and the words that stand there.
function chosenPlace(chosen: Target): (HTMLElement | null)[] {
  const quote = h("blockquote", { class: "quote" }, chosen.choices[chosen.index]!.quote || "the post as a whole");
  const choices = chosen.choices.length > 1
    ? h("fieldset", {}, h("legend", {}, "About"), ...chosen.choices.map((choice, index) => {
        const input = h("input", { type: "radio", name: "about", value: index, checked: index === chosen.index, onchange: () => { chosen.index = index; quote.textContent = chosen.choices[index]!.quote; } });
        return h("label", { class: "choice" }, input, choice.label);
      }))
    : null;
  return [choices, quote];
}

function placer(): HTMLElement {
  const id = placing;
  const stop = () => { placing = ""; leave(); };
  const title = h("h2", {}, `Where does comment ${view.threads.findIndex((one) => one.id === id) + 1} belong?`);
  if (!target) {
    return h("div", { id: "placer", class: "card" }, title,
      h("p", { class: "quiet" }, "Select words in the post, or point at an equation, a cell, a picture or a chart."),
      h("div", { class: "actions" }, regionButton(), button("Cancel", stop)));
  }
  const chosen = target;
  return h("form", { id: "placer", class: "card", onsubmit: (event) => {
    event.preventDefault();
    const selector = chosen.choices[chosen.index]!.selectors;
    write({ type: "blogkit:Settle", "blogkit:revision": view.revision, target: { source: `urn:blogkit:post:${post}`, selector }, "blogkit:about": id });
    stop();
  } }, title, ...chosenPlace(chosen), h("div", { class: "actions" }, h("button", { class: "primary" }, "It is here"), button("Cancel", stop)));
}

function composer(): HTMLElement {
  if (placing && view.threads.some((one) => one.id === placing)) return placer();
  placing = "";
  if (!target) {
    const draft = unfinished();
    return h("div", { class: "start" },
      draft && h("div", { class: "notice draft" }, `A comment is not finished: “${draft.text.slice(0, 60)}${draft.text.length > 60 ? "…" : ""}”`,
        h("div", { class: "actions" }, button("Go on writing", () => { resume(); compose(); }), button("Discard it", () => { drafts.drop("comment"); render(); }))),
      h("p", { class: "quiet" }, "Select words in the post, or point at an equation, a cell, a picture or a chart."),
      h("div", { class: "actions" },
        button("Comment on the whole post", () => { target = { choices: [{ label: "the post as a whole", quote: "", selectors: [] }], index: 0 }; compose(); }),
        regionButton()),
      h("details", { class: "quiet" }, h("summary", {}, "By keyboard"), h("p", {}, "Tab into the post. j and k walk through it, s takes a sentence, r marks a region of a picture, the arrow keys walk a chart's points, Enter comments, Escape leaves.")));
  }
  const chosen = target;
  const text = h("textarea", { id: "comment-text", rows: 5, required: true, maxlength: 20000, "aria-label": "Comment, in Markdown; mathematics between dollar signs", placeholder: "Markdown; $\\lambda$ for mathematics" });
  const draft = drafts.get("comment");
  text.value = draft?.text ?? "";
  const kindOf = () => form.querySelector<HTMLInputElement>("input[name=kind]:checked")!.value;
  let sent = false; // a field that goes away says once more that it changed
  const keep = () => sent || drawing || drafts.set("comment", { text: text.value, kind: kindOf(), choices: chosen.choices, index: chosen.index, revision });
  const preview = h("div", { class: "preview", "aria-live": "polite" });
  let timer = 0;
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(async () => {
      const answer = await ask("/api/preview", { text: text.value }).catch(() => null);
      if (answer?.status !== 200) return;
      const warnings = answer.body.warnings as string[];
      preview.replaceChildren(
        text.value.trim() ? fromServer(String(answer.body.html)) : "",
        warnings.length ? h("p", { class: "notice lost" }, `This may tell who you are: ${warnings.map((one) => `“${one}”`).join(", ")}.`) : "",
      );
    }, 600);
  });
  const kinds = h("div", { class: "kinds", role: "radiogroup", "aria-label": "Kind" }, ...KINDS.map(([value, label], index) =>
    h("label", { class: `kind ${value}` }, h("input", { type: "radio", name: "kind", id: `kind-${value}`, value, checked: draft?.kind ? draft.kind === value : index === 0 }), label)));
  const form = h("form", { id: "composer", class: "card", onsubmit: (event) => {
    event.preventDefault();
    const kind = kindOf();
    const { selectors } = chosen.choices[chosen.index]!;
    write({
      type: "Annotation", motivation: "commenting", "blogkit:kind": kind, "blogkit:revision": revision, body: body(text.value),
      target: { source: `urn:blogkit:post:${post}`, ...(selectors.length ? { selector: selectors } : {}) },
    });
    sent = true;
    drafts.drop("comment");
    leave();
  }, oninput: keep, onchange: keep }, h("h2", {}, "New comment"), ...chosenPlace(chosen), elsewhere(), kinds, text, preview,
    h("div", { class: "actions" }, h("button", { class: "primary" }, "Comment"), button("Cancel", leave)));
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    if (event.key === "Escape") leave();
  });
  return form;
}

// A comment that is being written stays where it was begun, unless its writer moves it.
function elsewhere(): HTMLElement | null {
  const other = offered;
  if (!other) return null;
  const choice = other.choices[0]!;
  return h("div", { class: "notice elsewhere" }, `You pointed at ${choice.quote ? `“${choice.quote.slice(0, 80)}”` : "another place"}. This comment stays where you began it.`,
    h("div", { class: "actions" }, button("Move it there", () => {
      target = other;
      offered = null;
      drafts.set("comment", { ...drafts.get("comment")!, choices: other.choices, index: 0, revision });
      compose();
    })));
}

function leave(): void {
  target = null;
  offered = null;
  if (!unfinished()) drafts.drop("comment");
  tell({ blogkit: 1, type: "clear" });
  render();
}

// --- the rubric

// What is typed goes into view.mine at once, by the field that it was typed into. The panel is never read as a whole:
// it may be drawn anew, or show something else, at any moment.
let dirty = false;
let saveTimer = 0;
let lastSave = 0;
let pushed = 0; // rubrics that were given to the queue
const emptied = new Set<string>(); // fields that were emptied by hand: the server takes no other empty field for a filled one

function rubricDocument(mine: Mine): Document {
  return {
    id: uuid(), type: "blogkit:Rubric", "blogkit:rubric": view.rubric.version, "blogkit:scores": { ...mine.scores }, "blogkit:notes": { ...mine.notes },
    "blogkit:summary": mine.summary, "blogkit:previous": rubricHead, cleared: [...emptied],
  };
}

// What was typed and is not in the queue yet: a page that ends without a word (a phone put to sleep) has it kept.
function keepRubricDraft(): void {
  const { scores, notes, summary } = view.mine!;
  drafts.set("rubric", { text: JSON.stringify({ scores, notes, summary, emptied: [...emptied], head: rubricHead }) });
}

function rubricDraft(): { scores: Mine["scores"]; notes: Mine["notes"]; summary: string; emptied: string[]; head: string | null } | null {
  try {
    return JSON.parse(drafts.get("rubric")?.text ?? "null");
  } catch {
    return null;
  }
}

function saveRubric(): void {
  clearTimeout(saveTimer);
  if (!dirty || !view?.mine || conflict) return;
  dirty = false;
  lastSave = Date.now();
  const document = rubricDocument(view.mine);
  view.mine.changed = view.mine.submitted;
  pushed += 1;
  rubricHead = document.id; // the next one follows this one, whether or not the server has it yet
  queue.push(document);
  drafts.drop("rubric");
}

function touched(field: string, empty: boolean): void {
  if (empty) emptied.add(field);
  else emptied.delete(field);
  dirty = true;
  keepRubricDraft();
  panel.querySelector(".toast")?.remove();
  announce("…");
  clearTimeout(saveTimer);
  saveTimer = window.setTimeout(saveRubric, Date.now() - lastSave > 10000 ? 800 : 2500);
  const output = panel.querySelector("#total");
  if (output) output.textContent = `${totalOf(view.mine!)} of ${view.rubric.points}`;
}

const waitingRubric = () => queue?.pending.filter((one) => one.type === "blogkit:Rubric").at(-1);

const totalOf = (mine: Mine) => Object.values(mine.scores).reduce((sum, one) => sum + one, 0);

// Points as they are typed: a comma is a decimal point; what is no half or whole number within the range is refused.
function judge(one: Criterion, points: HTMLInputElement, refused: HTMLElement): number | null {
  const typed = points.value.trim();
  const value = /^\d+([.,]\d+)?$/.test(typed) ? Number(typed.replace(",", ".")) : NaN;
  const wrong = typed !== "" && !(value >= 0 && value <= one.points && Number.isInteger(value * 2));
  const message = wrong ? `Not counted: 0 to ${one.points} points, whole or half.` : "";
  points.setCustomValidity(message);
  points.setAttribute("aria-invalid", String(wrong));
  if (refused.textContent !== message) refused.textContent = message;
  return wrong || typed === "" ? null : value;
}

function scored(one: Criterion, points: HTMLInputElement, refused: HTMLElement): void {
  const { scores } = view.mine!;
  const value = judge(one, points, refused);
  const field = `points.${one.name}`;
  if (points.validity.valid) drafts.drop(field);
  else drafts.set(field, { text: points.value }); // shown again as it was typed, until it is right
  if (!points.validity.valid) return announce(refused.textContent!);
  if (value === null) delete scores[one.name];
  else scores[one.name] = value;
  touched(`scores.${one.name}`, value === null);
}

function noted({ name }: Criterion, note: HTMLTextAreaElement): void {
  const { notes } = view.mine!;
  if (note.value) notes[name] = note.value;
  else delete notes[name];
  touched(`notes.${name}`, !note.value);
}

function rubricPanel(): HTMLElement {
  const mine = view.mine!;
  const box = h("form", { class: "rubric", onsubmit: (event) => { event.preventDefault(); submit(); } });
  if (conflict) box.append(conflictNotice());
  for (const one of view.rubric.criteria) {
    const refused = h("span", { class: "refused", id: `refused-${one.name}`, role: "alert" });
    const points = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", size: 5, id: `points-${one.name}`, "data-points": one.name, "aria-label": `Points for ${one.title}, of ${one.points}`, "aria-describedby": refused.id, oninput: () => scored(one, points, refused) });
    points.value = drafts.get(`points.${one.name}`)?.text ?? String(mine.scores[one.name] ?? "");
    judge(one, points, refused);
    const note = h("textarea", { rows: 2, id: `note-${one.name}`, "data-note": one.name, "aria-label": `Note on ${one.title}`, maxlength: 20000, placeholder: "Why?", oninput: () => noted(one, note) });
    note.value = mine.notes[one.name] ?? "";
    box.append(h("fieldset", { class: "card" },
      h("legend", {}, one.title),
      h("p", { class: "quiet" }, one.asks),
      one.questions.length ? h("ul", { class: "quiet" }, ...one.questions.map((question) => h("li", {}, question))) : null,
      h("label", { class: "points" }, points, ` of ${one.points}`), refused, note));
  }
  const summary = h("textarea", { rows: 4, id: "summary", "data-summary": true, "aria-label": "Summary for the authors", maxlength: 20000, oninput: () => { view.mine!.summary = summary.value; touched("summary", !summary.value); } });
  summary.value = mine.summary;
  box.append(
    h("fieldset", { class: "card" }, h("legend", {}, "Summary for the authors"), summary),
    h("p", {}, "Total: ", h("b", { id: "total" }, `${totalOf(mine)} of ${view.rubric.points}`)),
    mine.submitted ? h("p", { class: "notice good" }, mine.changed ? "Submitted; you changed it since. Submit again to hand in the change." : view.offline ? "Submitted: it is in your review file. Send that to staff." : "Submitted. The authors see it now.") : "",
    h("div", { class: "actions" }, h("button", { class: "primary" }, mine.submitted ? "Submit again" : "Submit the review")));
  return box;
}

function submit(): void {
  if (conflict) return void notice("Another tab saved this rubric in between: say first which of the two stands.");
  dirty = true;
  saveRubric();
  const missing = view.rubric.criteria.filter((one) => !(one.name in view.mine!.scores)).map((one) => one.title);
  if (missing.length) return void notice(`Still without points: ${missing.join(", ")}.`);
  write({ type: "blogkit:Submit", "blogkit:about": rubricHead });
}

let conflict: Document | null = null;

function conflictNotice(): HTMLElement {
  const theirs = conflict!;
  const given = (theirs["blogkit:scores"] ?? {}) as Record<string, number>;
  const scores = view.rubric.criteria.filter((one) => one.name in given).map((one) => `${one.title} ${given[one.name]}`).join(", ");
  return h("div", { class: "notice lost conflict", role: "alert" },
    h("p", {}, `Another tab or device saved this rubric in between (${scores || "no points yet"}). Nothing was overwritten.`),
    ...written(theirs).map(([title, words]) => h("p", { class: "theirs" }, h("b", {}, `${title}: `), words)),
    h("div", { class: "actions" },
      button("Keep mine", () => { keepMine(theirs); render(); }),
      button("Take the other", () => { rubricHead = theirs.id; conflict = null; dirty = false; drafts.drop("rubric"); void load(); })));
}

// Every word of another rubric, so that nobody drops it unseen.
function written(rubric: Document): [string, string][] {
  const notes = (rubric["blogkit:notes"] ?? {}) as Record<string, string>;
  const summary = String(rubric["blogkit:summary"] ?? "");
  const noted = view.rubric.criteria.filter((one) => notes[one.name]).map((one): [string, string] => [one.title, notes[one.name]!]);
  return summary ? [...noted, ["Summary", summary]] : noted;
}

// An act of the writer's: what the other has and this one leaves empty is emptied.
function keepMine(theirs: Document): void {
  const mine = view.mine!;
  for (const kind of ["scores", "notes"] as const) {
    for (const name of Object.keys((theirs[`blogkit:${kind}`] ?? {}) as object)) if (!(name in mine[kind])) emptied.add(`${kind}.${name}`);
  }
  if (theirs["blogkit:summary"] && !mine.summary) emptied.add("summary");
  rubricHead = theirs.id;
  conflict = null;
  dirty = true;
  saveRubric();
}

function othersPanel(): HTMLElement[] {
  return view.others.map((other) => h("details", { class: "card", open: true },
    h("summary", {}, h("b", {}, whoIs(other)), `: ${other.total} of ${other.points}`),
    ...view.rubric.criteria.map((one) => h("section", { class: "judged" },
      h("h3", {}, one.title, h("span", { class: "quiet" }, `${other.scores[one.name] ?? "–"} of ${one.points}`)),
      other.notes[one.name] ? fromServer(other.notes[one.name]!) : null)),
    other.summary && h("section", { class: "judged" }, h("h3", {}, "Summary"), fromServer(other.summary))));
}

// --- writing

function write(document: Record<string, unknown> & { type: string }): void {
  queue.push({ id: uuid(), ...document });
}

function notice(text: string): void {
  panel.querySelector(".toast")?.remove();
  panel.prepend(h("p", { class: "notice lost toast", role: "alert" }, text));
}

function answered(document: Document, answer: Answered): void {
  if (answer.status < 300) {
    announce("Saved");
    if (document.type !== "blogkit:Rubric") tell({ blogkit: 1, type: "hello" });
void load();
    return;
  }
  const message = String(answer.body.message ?? "This could not be saved.");
  if (answer.status === 409 && document.type === "blogkit:Rubric" && answer.body.head) {
    conflict = answer.body.head as Document;
    keepRubricDraft(); // until its writer says which of the two stands
    tab = "rubric";
    announce("Not saved: another tab was first.");
    render();
    panel.querySelector(".conflict")?.scrollIntoView({ block: "nearest" });
  } else if (answer.status === 428) {
    if (confirm(`${message}\n\nSend it all the same?`)) queue.push({ ...document, confirmed: true });
    else backToDraft(document);
  } else {
    backToDraft(document);
    notice(message);
  }
}

// What the server did not take, or its writer thought better of, is a draft again.
function backToDraft(document: Document): void {
  const text = (document.body as { value?: string } | undefined)?.value;
  if (!text) return;
  const place = document.target as { source?: string; selector?: Selector[] } | undefined;
  if (document.type === "Annotation" && document.motivation === "commenting") {
    const selectors = place?.selector ?? [];
    const choices = [{ label: "", quote: quoteOf(selectors), selectors }];
    const begun = unfinished();
    if (begun) drafts.set("comment", { ...begun, text: `${text}\n\n${begun.text}` }); // typed since: both are kept
    else drafts.set("comment", { text, kind: String(document["blogkit:kind"]), choices, index: 0, revision });
    target = null;
    resume();
    compose();
    return;
  }
  const about = String(document["blogkit:about"] ?? place?.source);
  const answer = document["blogkit:answer"] as { state: string; commit?: string } | undefined;
  const field = fieldOf(about, document.type === "blogkit:Edit" ? "edit" : answer ? "answer" : "reply");
  const begun = drafts.get(field)?.text.trim(); // typed since: both are kept
  drafts.set(field, { text: begun && begun !== text ? `${text}\n\n${begun}` : text, state: answer?.state ?? "done", commit: answer?.commit ?? "" });
  render();
}

// --- all of it

// A button that is drawn anew between press and release is never clicked: the panel waits for the release.
let pressed = 0; // until when, at the latest: a release over the post's frame is not heard here
let drawLater = false;
let drawing = false;
panel.addEventListener("pointerdown", () => { pressed = Date.now() + 2000; });
for (const type of ["pointerup", "pointercancel", "blur"]) {
  window.addEventListener(type, () => {
    pressed = 0; // the click that follows draws at once
    setTimeout(() => { if (drawLater) render(); }, 0);
  }, true);
}

function render(): void {
  saveRubric();
  if (Date.now() < pressed) {
    if (!drawLater) setTimeout(() => { if (drawLater) render(); }, pressed - Date.now() + 1);
    drawLater = true;
    return;
  }
  drawLater = false;
  const focused = document.activeElement as (HTMLElement & Partial<HTMLTextAreaElement>) | null;
  const focus = focused?.id;
  const selection = focused && "selectionStart" in focused ? [focused.selectionStart, focused.selectionEnd] as const : null;
  const scrolled = panel.scrollTop;
  const tabs = h("div", { class: "tabs", role: "tablist" },
    h("button", { type: "button", role: "tab", id: "tab-comments", "aria-selected": String(tab === "comments"), onclick: () => { tab = "comments"; render(); } }, `Comments (${view.threads.length})`),
    (view.mine || view.others.length > 0) && h("button", { type: "button", role: "tab", id: "tab-rubric", "aria-selected": String(tab === "rubric"), onclick: () => { tab = "rubric"; render(); } }, view.mine ? "Rubric" : "Reviews"));
  const content = h("div", { class: "content", role: "tabpanel", "aria-labelledby": `tab-${tab}` });
  if (tab === "comments") {
    if (canComment()) content.append(composer());
    if (!view.threads.length) content.append(h("p", { class: "quiet" }, view.role === "author" ? "Comments appear here once their reviewer has submitted." : "No comments yet."));
    view.threads.forEach((thread, index) => content.append(threadCard(thread, index + 1)));
    if (view.role === "reviewer" && view.mine && !view.mine.submitted && !view.offline) content.append(h("p", { class: "quiet" }, "You see the others' comments once you have submitted."));
  } else {
    if (view.mine) content.append(rubricPanel());
    content.append(...othersPanel());
  }
  drawing = true; // a field that is taken away says that it changed: what it held may be older than the draft
    panel.replaceChildren(h("p", { class: "who quiet" }, `${view.offline ? "" : `You are ${view.me} · `}revision ${view.number}${view.due ? ` · due ${view.due}` : ""}`), tabs, content);
  drawing = false;
  panel.scrollTop = scrolled;
  const again = focus ? document.getElementById(focus) as HTMLTextAreaElement | null : null;
  if (!again || document.activeElement === again) return;
  again.focus({ preventScroll: true });
  if (selection && typeof selection[0] === "number" && typeof again.setSelectionRange === "function") again.setSelectionRange(selection[0], selection[1] ?? selection[0]);
}

// Sends an event; where the page's token is no longer the session's (somebody signed in again), with a new one.
async function send(document: Document): Promise<Answered> {
  const path = `/api/posts/${post}/events`;
  const answer = await ask(path, document);
  if (answer.status !== 403 || answer.body.reason !== "token") return answer;
  const fresh = await ask(`/api/posts/${post}`);
  if (fresh.status !== 200) return { status: fresh.status === 403 ? 401 : fresh.status, body: fresh.body };
  if (fresh.body.own !== view.own) return { status: 401, body: {} }; // somebody else has signed in here
  csrf = String(fresh.body.csrf ?? csrf);
  return ask(path, document);
}

function stateOf(waiting: number, trouble: Trouble): string {
  const many = waiting === 1 ? "One change is" : `${waiting} changes are`;
  if (trouble === "signed out") return `You are signed out. Open a new link; ${many.toLowerCase()} kept here and sent then.`;
  if (trouble === "away") return `The server does not answer. ${many} kept here until it does.`;
  return waiting ? "Saving…" : saved.textContent ?? "";
}

async function load(): Promise<void> {
  const before = pushed;
  const unsent = waitingRubric() !== undefined;
  const answer = await ask(`/api/posts/${post}`).catch(() => null);
  if (answer?.status === 429) setTimeout(() => void load(), 3000);
  if (answer?.status !== 200) return void notice(String(answer?.body.message ?? "The server does not answer."));
  const fresh = answer.body as unknown as View;
  const first = !view;
  // typed, on its way, or sent since the question: the answer knows nothing of it
  const typed = dirty || unsent || pushed !== before ? view?.mine : null;
  view = fresh;
  if (typed && view.mine) Object.assign(view.mine, { scores: typed.scores, notes: typed.notes, summary: typed.summary });
  csrf = String(answer.body.csrf ?? csrf);
  if (first) {
    drafts = new Drafts(`blogkit-draft:${view.own}:${post}`);
    queue = new Queue(`blogkit-queue:${view.own}:${post}`, send, answered, (waiting, trouble) => announce(stateOf(waiting, trouble)));
  }
  const waiting = waitingRubric();
  if (waiting && view.mine && !typed) Object.assign(view.mine, { scores: waiting["blogkit:scores"], notes: waiting["blogkit:notes"], summary: waiting["blogkit:summary"] });
  if (!typed) rubricHead = waiting?.id ?? view.mine?.head ?? null;
  if (first) takeRubricDraft();
  if (!dirty || tab !== "rubric") render();
  showInFrame();
}

// What a page that ended in the middle of a word had kept is typed again, on what it was typed on.
function takeRubricDraft(): void {
  const draft = rubricDraft();
  if (!draft || !view.mine) return;
  Object.assign(view.mine, { scores: draft.scores, notes: draft.notes, summary: draft.summary });
  for (const field of draft.emptied) emptied.add(field);
  rubricHead = draft.head;
  dirty = true;
}

// Another tab of this browser writes too: its drafts are shown here, and what it sent is asked for.
let reload = 0;
window.addEventListener("storage", (event) => {
  if (!view || !event.key?.endsWith(`:${view.own}:${post}`) && !event.key?.includes(`:${view.own}:${post}:`)) return;
  if (event.key.startsWith("blogkit-draft:") && !event.key.endsWith(":rubric")) {
    drafts.forget(event.key);
    render();
  } else if (!dirty) {
    clearTimeout(reload);
    reload = window.setTimeout(() => void load(), 300);
  }
});

window.addEventListener("pagehide", saveRubric);
document.addEventListener("visibilitychange", () => { if (document.hidden) saveRubric(); });
tell({ blogkit: 1, type: "hello" });
void load();
