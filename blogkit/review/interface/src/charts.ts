// Marks of a chart: found under the pointer in Vega's scene graph, named by their field values, found again by them.
import type { Selector } from "./anchor";
import { fragment } from "./anchor";
import type { Choice } from "./messages";
import { tableColumns } from "../../../render/runtime/src/tables.js";

type Datum = Record<string, unknown>;
interface Item { datum?: Datum; bounds?: { x1: number; y1: number; x2: number; y2: number }; mark?: Mark; x?: number; y?: number; items?: Mark[]; defined?: boolean }
interface Mark { marktype: string; name?: string; role?: string; items: Item[]; group?: Item }
interface Placed { item: Item; x: number; y: number; mark: Mark }
export type Columns = Record<string, unknown[]>;

const POINTS = new Set(["symbol", "rect", "arc", "line", "area", "rule", "trail", "text"]);

const jsonOf = (script: Element | null): unknown => {
  try {
    return JSON.parse(script?.textContent ?? "null");
  } catch {
    return null;
  }
};

/** The data sets that a chart draws, each by column, typed as the page carries them; the page's runtime reads the same. */
export function dataOf(figure: Element): Columns[] {
  const older = (jsonOf(figure.querySelector("script.review-chart-data")) as { columns?: Columns } | null)?.columns;
  if (older) return [older]; // a copy that an earlier blogkit made
  const found: Columns[] = [];
  for (const data of (specOf(figure) as { data?: { values?: unknown }[] } | null)?.data ?? []) {
    if (typeof data.values === "string" && document.getElementById(data.values)) found.push(Object.fromEntries(tableColumns(data.values)));
    else if (Array.isArray(data.values)) {
      const rows = data.values.filter((row): row is Datum => !!row && typeof row === "object");
      const names = new Set(rows.flatMap((row) => Object.keys(row)));
      found.push(Object.fromEntries([...names].map((name) => [name, rows.map((row) => row[name])])));
    }
  }
  return found;
}

export const blockOf = (element: Element): string =>
  element.closest("[id^='fig-'],[id^='tbl-']")?.id ?? element.closest("[data-review-chart]")?.id ?? "";

/** What readers call a figure or table, such as “Figure 2”, from its caption; its id where it is not numbered. */
export function titleOf(block: string): string {
  const caption = document.getElementById(block)?.querySelector("figcaption")?.textContent ?? "";
  return /^\s*(\p{L}+[\s\u00a0]+\d+)/u.exec(caption)?.[1]?.replace(/[\s\u00a0]+/g, " ") ?? block;
}

function sceneItem(node: Element | null): Item | null {
  for (let at: Element | null = node; at && at.localName !== "div"; at = at.parentElement) {
    const data = (at as unknown as { __data__?: Item | Mark }).__data__;
    if (data) return "marktype" in data ? ((data as Mark).items[0] ?? null) : (data as Item);
  }
  return null;
}

/** Every mark of a drawing with its place in the drawing's own pixels. */
function* placed(mark: Mark, dx: number, dy: number): Generator<Placed> {
  for (const item of mark.items ?? []) {
    if (mark.marktype === "group") {
      for (const inner of item.items ?? []) yield* placed(inner, dx + (item.x ?? 0), dy + (item.y ?? 0));
    } else if (mark.role === "mark" && POINTS.has(mark.marktype) && item.datum && item.defined !== false) {
      const isPoint = ["symbol", "line", "area", "trail"].includes(mark.marktype);
      const x = isPoint ? (item.x ?? 0) : ((item.bounds?.x1 ?? 0) + (item.bounds?.x2 ?? 0)) / 2;
      const y = isPoint ? (item.y ?? 0) : ((item.bounds?.y1 ?? 0) + (item.bounds?.y2 ?? 0)) / 2;
      yield { item, x: x + dx, y: y + dy, mark };
    }
  }
}

/** The woken drawing that is shown: a figure may have another one for a phone. */
function awakeDrawing(figure: Element): SVGSVGElement | null {
  const drawings = [...figure.querySelectorAll<SVGSVGElement>(".bk-awake svg")];
  return drawings.find((one) => one.getClientRects().length) ?? drawings[0] ?? null;
}

function allMarks(figure: Element): { svg: SVGSVGElement; marks: Placed[]; matrix: DOMMatrix } | null {
  const svg = awakeDrawing(figure);
  if (!svg) return null;
  let root: Mark | undefined;
  let base: SVGGraphicsElement | null = null;
  for (const node of svg.querySelectorAll<SVGGraphicsElement>("g, path")) {
    const item = sceneItem(node);
    let mark = item?.mark;
    while (mark?.group?.mark) mark = mark.group.mark;
    if (mark) {
      root = mark;
      base = svg.querySelector<SVGGraphicsElement>("g");
      break;
    }
  }
  const matrix = base?.getScreenCTM();
  if (!root || !matrix) return null;
  return { svg, marks: [...placed(root, 0, 0)], matrix };
}

/** A mark's value as its row has it: Vega reads the text of a date or of a number on an axis, and changes its type. */
const written = (value: unknown, name: string, data: Columns[]): unknown => {
  const number = value instanceof Date ? value.getTime() : value;
  if (typeof number !== "number") return value;
  const all = data.flatMap((columns) => columns[name] ?? []);
  if (all.includes(number)) return number;
  const text = all.find((one) => typeof one === "string" && one !== "" && (Number(one) === number || new Date(one).getTime() === number));
  return text ?? value;
};

const plain = (value: unknown): string | number | boolean | null | undefined => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (value instanceof Date) return value.getTime();
  return undefined;
};

interface Channels { key: string[]; series: string[]; value: string[] }

/** Which fields name a mark, which its series, and which it measures, read from the specification. */
export function channelsOf(spec: unknown, datum: Datum, data: Columns[]): Channels {
  const fields: Record<string, Set<string>> = {};
  const scales: Record<string, string> = {};
  const used: Record<string, string> = {};
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (!node || typeof node !== "object") return;
    const record = node as Record<string, unknown>;
    if (Array.isArray(record.scales)) {
      for (const scale of record.scales as { name: string; type?: string }[]) scales[scale.name] = scale.type ?? "linear";
    }
    const facet = (record.from as { facet?: { groupby?: unknown } } | undefined)?.facet;
    if (facet?.groupby) for (const name of [facet.groupby].flat()) (fields.group ??= new Set()).add(String(name));
    const update = (record.encode as { update?: Record<string, unknown> } | undefined)?.update;
    for (const [channel, definition] of Object.entries(update ?? {})) {
      for (const one of [definition].flat() as { field?: unknown; scale?: unknown }[]) {
        if (typeof one?.field !== "string" || !(one.field in datum)) continue;
        (fields[channel] ??= new Set()).add(one.field);
        if (typeof one.scale === "string") used[one.field] = one.scale;
      }
    }
    Object.values(record).forEach(visit);
  };
  visit(spec);
  const known = (name: string) => !data.length || data.some((columns) => name in columns);
  const pick = (...names: string[]) => [...new Set(names.flatMap((name) => [...(fields[name] ?? [])]))];
  const discrete = (name: string) => ["band", "point", "ordinal"].includes(scales[used[name] ?? ""] ?? "");
  const across = pick("x", "xc", "x2");
  const up = pick("y", "yc", "y2");
  const sideways = up.some(discrete) && !across.some(discrete);
  const series = pick("group", "stroke", "fill", "shape", "strokeDash").filter(
    (name) => known(name) && typeof datum[name] !== "object" && !across.includes(name) && !up.includes(name),
  );
  const named = (sideways ? up : across).filter(known);
  const value = (sideways ? across : up).filter((name) => !named.includes(name));
  return { key: [...new Set([...series, ...named])], series, value };
}

const pairs = (datum: Datum, names: string[], data: Columns[] = []): Record<string, string | number | boolean | null> => {
  const found: Record<string, string | number | boolean | null> = {};
  for (const name of names) {
    const value = plain(written(datum[name], name, data));
    if (value !== undefined) found[name] = value;
  }
  return found;
};

const short = (value: unknown): string =>
  typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
const told = (fields: Datum): string => Object.entries(fields).map(([name, value]) => `${name} ${short(value)}`).join(", ");

/** The runs behind some field values: by a column `run` of the data, or by the parameters that the fields name. */
function runsBehind(figure: Element, data: Columns[], fields: Datum): { id: string; told: string }[] {
  const found = new Set<string>();
  for (const columns of data) {
    columns.run?.forEach((run, row) => {
      if (Object.entries(fields).every(([name, value]) => columns[name]?.[row] === value)) found.add(String(run));
    });
  }
  const runs = (jsonOf(figure.querySelector("script.review-chart-data")) as { runs?: Datum[] } | null)?.runs ?? [];
  const named = (run: Datum) => Object.entries(fields).filter(([name]) => name in run);
  const behind = found.size
    ? runs.filter((run) => found.has(String(run.id)))
    : runs.filter((run) => named(run).length > 0 && named(run).every(([name, value]) => run[name] === value));
  const told = (run: Datum) => Object.entries(run).filter(([name, value]) => name !== "id" && value !== null && typeof value !== "object").map(([name, value]) => `${name} ${short(value)}`).join(", ");
  const listed = behind.map((run) => ({ id: String(run.id), told: told(run) }));
  return listed.length ? listed : [...found].map((id) => ({ id, told: "" }));
}

function tellRuns(runs: { id: string; told: string }[]): string {
  if (!runs.length) return "";
  const some = runs.slice(0, 3).map((run) => `${run.id}${run.told ? ` (${run.told})` : ""}`).join("; ");
  return ` · ${runs.length === 1 ? "run" : `${runs.length} runs:`} ${some}${runs.length > 3 ? "; …" : ""}`;
}

export const specOf = (figure: Element): unknown => jsonOf(figure.querySelector("script.bk-spec"));

interface State { signals?: Record<string, unknown>; data?: Record<string, unknown> }
interface View {
  getState(options: { signals: (name: string) => boolean; data: (name: string) => boolean }): State;
  setState(state: State): unknown;
}

/** The view behind a drawing: every group of Vega's scene graph knows the dataflow that drew it. */
function viewOf(figure: Element): View | null {
  for (const node of awakeDrawing(figure)?.querySelectorAll("g, path") ?? []) {
    const group = sceneItem(node)?.mark?.group as { context?: { dataflow?: View } } | undefined;
    const view = group?.context?.dataflow;
    if (typeof view?.getState === "function") return view;
  }
  return null;
}

/** The state of a chart's view: signals that the author named, and selections. Nothing else is kept. */
export function stateOf(figure: Element): State {
  const view = viewOf(figure);
  if (!view) return {};
  const listed = (specOf(figure) as { signals?: { name: string; update?: unknown }[] } | null)?.signals ?? [];
  const names = new Set(listed.map((one) => one.name).filter((name) => !/^(width|height|cursor|unit)$|_(tuple|modify|toggle|tuple_fields)$/.test(name)));
  try {
    const { signals, data } = view.getState({ signals: (name) => names.has(name), data: (name) => name.endsWith("_store") });
    const text = JSON.stringify({ signals, data });
    return text.length > 20000 ? {} : (JSON.parse(text) as State);
  } catch {
    return {};
  }
}

/** Shows a chart as it stood when somebody commented. */
export function restore(figure: Element, state: unknown): void {
  const { signals, data } = (state ?? {}) as State;
  try {
    viewOf(figure)?.setState({ signals: signals ?? {}, data: data ?? {} });
  } catch {
    /* a state of another revision's chart: the chart stays as it is */
  }
}

/** What a reader can mean by pointing at a place of a chart: the nearest mark, its series, the view as it is. */
export function choicesAt(figure: Element, x: number, y: number): Choice[] {
  const block = blockOf(figure);
  const title = titleOf(block);
  const drawn = allMarks(figure);
  const choices: Choice[] = [];
  if (drawn) {
    const at = new DOMPoint(x, y).matrixTransform(drawn.matrix.inverse());
    let nearest: Placed | null = null;
    let least = 40;
    for (const one of drawn.marks) {
      const gap = Math.hypot(one.x - at.x, one.y - at.y);
      if (gap < least) [nearest, least] = [one, gap];
    }
    if (nearest) choices.push(...choicesFor(figure, nearest.item.datum ?? {}));
  }
  const state = stateOf(figure) as Record<string, unknown>;
  const selectors: Selector[] = [fragment(block), { type: "blogkit:MarkSelector", part: "state", state }];
  choices.push({ label: `${title}: the chart as it stands`, quote: `the chart ${title} as it stands`, selectors });
  return choices;
}

export function choicesFor(figure: Element, datum: Datum): Choice[] {
  const block = blockOf(figure);
  const title = titleOf(block);
  const data = dataOf(figure);
  const { key, series, value } = channelsOf(specOf(figure), datum, data);
  const fields = pairs(datum, key, data);
  const shown = pairs(datum, value, data);
  const state = stateOf(figure);
  const runs = runsBehind(figure, data, fields);
  const choices: Choice[] = [];
  if (key.some((name) => name in fields && !series.includes(name))) { // otherwise it has no name but its series'
    const origin = tellRuns(runs);
    const quote = `${title}, ${told(fields)}: ${told(shown)}${origin}`;
    const mark = { type: "blogkit:MarkSelector", part: "mark", fields, value: shown, state, run: origin.slice(3, 303) || null };
    choices.push({ label: `${title}: the mark at ${told(fields)}`, quote, selectors: [fragment(block), mark] });
  }
  if (series.length) {
    const named = pairs(datum, series, data);
    const one = { type: "blogkit:MarkSelector", part: "series", fields: named, state };
    choices.push({ label: `${title}: the series ${told(named)}`, quote: `${title}, series ${told(named)}`, selectors: [fragment(block), one] });
  }
  return choices;
}

/** Every mark of a chart that can be named, for the keyboard: in the order in which they are drawn. */
export function markList(figure: Element): Datum[] {
  const drawn = allMarks(figure);
  const seen = new Set<string>();
  const list: Datum[] = [];
  for (const one of drawn?.marks ?? []) {
    const datum = one.item.datum ?? {};
    const key = JSON.stringify(pairs(datum, Object.keys(datum)));
    if (!seen.has(key)) {
      seen.add(key);
      list.push(datum);
    }
  }
  return list;
}

/** Where the marks with some field values are drawn on the page; the whole chart where none is found. */
export function placeOf(figure: Element, fields: Datum): DOMRect | null {
  const drawn = allMarks(figure);
  if (!drawn || !Object.keys(fields).length) return null;
  const same = (one: unknown, other: unknown) =>
    one === other || (typeof one === "number" && typeof other === "number" && Math.abs(one - other) <= 5e-4 * Math.max(Math.abs(one), Math.abs(other)));
  const data = dataOf(figure);
  const hits = drawn.marks.filter((one) =>
    Object.entries(fields).every(([name, value]) => same(plain(written(one.item.datum?.[name], name, data)), value)));
  if (!hits.length) return null;
  const points = hits.map((one) => new DOMPoint(one.x, one.y).matrixTransform(drawn.matrix));
  const [left, right] = [Math.min(...points.map((p) => p.x)), Math.max(...points.map((p) => p.x))];
  const [top, bottom] = [Math.min(...points.map((p) => p.y)), Math.max(...points.map((p) => p.y))];
  return new DOMRect(left - 9, top - 9, right - left + 18, bottom - top + 18);
}
