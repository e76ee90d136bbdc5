// Marks of a chart: found under the pointer in Vega's scene graph, named by their field values, found again by them.
import type { Selector } from "./anchor";
import { fragment } from "./anchor";
import type { Choice } from "./messages";
import { tableColumns } from "../../../render/runtime/src/tables.js";

type Datum = Record<string, unknown>;
interface Item { datum?: Datum; bounds?: { x1: number; y1: number; x2: number; y2: number }; mark?: Mark; x?: number; y?: number; items?: Mark[]; defined?: boolean }
interface Mark { marktype: string; name?: string; role?: string; items: Item[]; group?: Item }
export interface Placed { item: Item; x: number; y: number; mark: Mark; box: { x1: number; y1: number; x2: number; y2: number } | null }
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
    if (typeof data.values === "string") found.push(document.getElementById(data.values) ? Object.fromEntries(tableColumns(data.values)) : {});
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
      const { x1, y1, x2, y2 } = item.bounds ?? { x1: x, y1: y, x2: x, y2: y };
      yield { item, x: x + dx, y: y + dy, mark, box: isPoint ? null : { x1: x1 + dx, y1: y1 + dy, x2: x2 + dx, y2: y2 + dy } };
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

const plain = (value: unknown): string | number | boolean | null | undefined => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (value instanceof Date) return value.getTime();
  return undefined;
};

type Fields = Record<string, string | number | boolean | null>;

/** Whether a value that a chart draws is what a row holds: Vega reads the text of a date or of a number. */
function drawnFrom(drawn: unknown, held: unknown): boolean {
  const value = drawn instanceof Date ? drawn.getTime() : drawn;
  if (value === held) return true;
  if (typeof value !== "number") return value === undefined && held === null;
  if (typeof held === "string") return held.trim() !== "" && (Number(held) === value || new Date(held).getTime() === value);
  return (held === null || held === undefined) && !Number.isFinite(value);
}

// --- what a mark is drawn from: its definition in the specification, and the data set behind it

interface Transform { type: string; expr?: string; as?: unknown; groupby?: unknown[]; fields?: unknown[] }
interface DataDefinition { name: string; source?: string | string[]; values?: unknown; transform?: Transform[] }
interface Source { definition: DataDefinition; parent: Source | null; table: number | null }
type Encoding = Record<string, unknown>;
interface Definition { source: Source | null; groups: string[]; encoding: Encoding; panel: string }
interface Specification {
  data?: DataDefinition[]; signals?: { name: string }[]; scales?: { name: string; type?: string }[]; title?: unknown; marks?: Specification[];
  name?: string; type?: string; from?: { data?: string; facet?: { name: string; data: string; groupby?: unknown } }; encode?: { enter?: Encoding; update?: Encoding };
}

const listOf = (value: unknown): unknown[] => (value === undefined || value === null ? [] : [value].flat());
const nameOf = (value: unknown): string => (typeof value === "string" ? value : String((value as { field?: unknown } | null)?.field ?? ""));
const words = (title: unknown): string => {
  const text = title && typeof title === "object" && !Array.isArray(title) ? (title as { text?: unknown }).text : title;
  return listOf(text).every((line) => typeof line === "string") ? listOf(text).join(" ") : "";
};

/** Every mark's definition by the names of the groups around it and its own, as the scene graph has them too. */
function definitionsOf(spec: Specification): { marks: Map<string, Definition>; discrete: Set<string>; steady: Set<string> } {
  const marks = new Map<string, Definition>();
  const discrete = new Set<string>();
  const steady = new Set<string>(); // scales of measured quantities that colours and sizes show
  let tables = 0;
  const declare = (scope: Map<string, Source>, data: DataDefinition[] | undefined, top: boolean) => {
    for (const definition of data ?? []) {
      const held = definition.values !== undefined && (typeof definition.values === "string" || Array.isArray(definition.values));
      const [from] = listOf(definition.source);
      scope.set(definition.name, { definition, parent: scope.get(String(from)) ?? null, table: top && held ? tables++ : null });
    }
  };
  const visit = (group: Specification, scope: Map<string, Source>, path: string[], groups: string[], panel: string): void => {
    for (const scale of group.scales ?? []) (["band", "point", "ordinal"].includes(scale.type ?? "") ? discrete : steady).add(scale.name);
    for (const mark of group.marks ?? []) {
      const inner = [...path, mark.name ?? ""];
      if (mark.type !== "group") {
        const source = scope.get(mark.from?.data ?? "") ?? null;
        marks.set(inner.join("/"), { source, groups, encoding: { ...mark.encode?.enter, ...mark.encode?.update }, panel });
        continue;
      }
      const within = new Map(scope);
      const facet = mark.from?.facet;
      const more = facet ? [...groups, ...listOf(facet.groupby).map(nameOf)] : groups;
      if (facet) within.set(facet.name, { definition: { name: facet.name }, parent: scope.get(facet.data) ?? null, table: null });
      declare(within, mark.data, false);
      visit(mark, within, inner, more, [panel, words(mark.title)].filter(Boolean).join(" / ").slice(0, 300));
    }
  };
  const scope = new Map<string, Source>();
  declare(scope, spec.data, true);
  visit(spec, scope, [], [], "");
  return { marks, discrete, steady };
}

/** Transforms after which each row still is one mark of its own. */
const ROW_BY_ROW = new Set(["filter", "formula", "collect", "project", "extent", "flatten", "fold", "stack", "joinaggregate", "window", "lookup", "bin", "timeunit", "identifier", "geopoint"]);

interface Lineage { table: number | null; ofRow: boolean; groupby: string[]; made: Set<string>; multiplied: string[]; chosen: string[]; equal: Record<string, string> }

/** How a mark's data come from the table: which columns were made on the way, and which a menu or slider chooses by. */
function lineageOf(source: Source | null, signals: Set<string>): Lineage {
  const found: Lineage = { table: null, ofRow: true, groupby: [], made: new Set(), multiplied: [], chosen: [], equal: {} };
  const steps: Transform[] = [];
  for (let at = source; at; at = at.parent) {
    steps.unshift(...(at.definition.transform ?? []));
    found.table = at.table;
  }
  for (const step of steps) {
    const as = listOf(step.as).filter((one): one is string => typeof one === "string");
    if (!ROW_BY_ROW.has(step.type)) {
      found.ofRow = false;
      found.groupby = listOf(step.groupby).map(nameOf);
    }
    if (step.type === "flatten" || step.type === "fold") {
      const made = as.length ? as : step.type === "fold" ? ["key", "value"] : listOf(step.fields).map(nameOf);
      found.multiplied.push(...(step.type === "fold" ? made.slice(0, 1) : made));
      made.forEach((name) => found.made.add(name));
    }
    const reads = step.type === "formula" && /^to(Number|Date|String)\(datum(\.|\[)/.test(step.expr ?? "");
    if (!reads) as.forEach((name) => found.made.add(name));
    if (step.type === "filter") chosenBy(step.expr ?? "", signals, found);
  }
  return found;
}

function chosenBy(expression: string, signals: Set<string>, found: Lineage): void {
  for (const part of expression.split("&&")) {
    const outside = part.replace(/datum(\.\w+|\[("[^"]*"|'[^']*')\])/g, "").replace(/"[^"]*"|'[^']*'/g, "");
    if (![...outside.matchAll(/[A-Za-z_]\w*/g)].some(([name]) => signals.has(name))) continue;
    const fields = [...part.matchAll(/datum(?:\.(\w+)|\[(?:"([^"]*)"|'([^']*)')\])/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
    found.chosen.push(...fields);
    const equal = /^[\s(]*datum(?:\.\w+|\[[^\]]+\])\s*={2,3}\s*([A-Za-z_]\w*)[\s)]*$/.exec(part);
    if (equal && fields[0] && signals.has(equal[1]!)) found.equal[fields[0]] = equal[1]!;
  }
}

interface Channels { series: string[]; places: string[]; value: string[] }

/** Which fields name a mark's series, which its place, and which it measures, read from its definition. */
function channelsOf(definition: Definition, discrete: Set<string>, steady: Set<string>, texts: Set<string>): Channels {
  const fields: Record<string, string[]> = {};
  const onDiscrete = new Set<string>();
  for (const [channel, encoded] of Object.entries(definition.encoding)) {
    for (const one of [encoded].flat() as { field?: unknown; scale?: unknown; signal?: unknown }[]) {
      const named = typeof one?.field === "string" ? [one.field] : [];
      const spoken = /^([xy]|text)/.test(channel) && typeof one?.signal === "string" ? [...one.signal.matchAll(/datum\["([^"]+)"\]/g)].map((match) => match[1]!) : [];
      for (const name of [...named, ...spoken]) {
        (fields[channel] ??= []).push(name);
        if (discrete.has(String(one.scale))) onDiscrete.add(name);
        else if (steady.has(String(one.scale)) && !/^[xy]/.test(channel) && !texts.has(name)) (fields.measured ??= []).push(name);
      }
    }
  }
  const pick = (...names: string[]) => [...new Set(names.flatMap((name) => fields[name] ?? []))];
  const across = pick("x", "xc", "x2");
  const up = pick("y", "yc", "y2");
  const sideways = up.some((name) => onDiscrete.has(name)) && !across.some((name) => onDiscrete.has(name));
  const measured = new Set(fields.measured ?? []);
  const appearance = pick("stroke", "fill", "shape", "strokeDash", "opacity", "size", "strokeWidth");
  const series = [...new Set([...definition.groups, ...appearance.filter((name) => !measured.has(name))])].filter((name) => !across.includes(name) && !up.includes(name));
  const both = across.some((name) => onDiscrete.has(name)) && up.some((name) => onDiscrete.has(name));
  const places = both ? [...new Set([...across, ...up])] : sideways ? up : across;
  const rest = both ? [] : (sideways ? across : up).filter((name) => !places.includes(name));
  return { series, places, value: [...new Set([...rest, ...measured, ...pick("text").filter((name) => !places.includes(name) && !series.includes(name))])] };
}

const short = (value: unknown): string =>
  typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
const told = (fields: Datum): string => Object.entries(fields).map(([name, value]) => `${name} ${short(value)}`).join(", ");

/** The runs behind some field values: by a column `run` of the data, or by the parameters that the fields name. */
function runsBehind(figure: Element, data: Columns[], fields: Datum): { id: string; told: string; made?: Fields }[] {
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
  const madeBy = (run: Datum): Fields => Object.fromEntries(Object.entries(run).filter(([name]) => name !== "id").flatMap(([name, value]) => (plain(value) === undefined ? [] : [[name, plain(value)!]])).slice(0, MOST_FIELDS));
  const listed = behind.map((run) => ({ id: String(run.id), told: told(run), made: madeBy(run) }));
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

/** How far a point is from a mark; inside a bar or a cell, less than from anything but a point drawn upon it. */
function gapTo(one: Placed, at: DOMPoint): number {
  const middle = Math.hypot(one.x - at.x, one.y - at.y);
  const box = one.box;
  if (!box) return middle;
  const outside = Math.hypot(Math.max(box.x1 - at.x, 0, at.x - box.x2), Math.max(box.y1 - at.y, 0, at.y - box.y2));
  return outside > 0 ? outside + 6 : Math.min(middle, 6);
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
      const gap = gapTo(one, at);
      if (gap < least) [nearest, least] = [one, gap];
    }
    if (nearest) choices.push(...choicesFor(figure, nearest, drawn.marks));
  }
  const state = stateOf(figure) as Record<string, unknown>;
  const selectors: Selector[] = [fragment(block), { type: "blogkit:MarkSelector", part: "state", state, ...whichChart(figure) }];
  choices.push({ label: `${title}: the chart as it stands`, quote: `the chart ${title} as it stands`, selectors });
  return choices;
}

/** Which of the charts of its block a chart is, where there are several. */
function whichChart(figure: Element): { chart?: number } {
  const place = chartsOf(blockOf(figure)).indexOf(figure);
  return place > 0 ? { chart: place } : {};
}

export function chartsOf(block: string): Element[] {
  const owner = document.getElementById(block);
  if (!owner) return [];
  return owner.matches("[data-review-chart]") ? [owner] : [...owner.querySelectorAll("[data-review-chart]")];
}

const readings = new WeakMap<Element, ReturnType<typeof readSpec>>();

function readSpec(figure: Element) {
  const spec = (specOf(figure) ?? {}) as Specification;
  const { marks, discrete, steady } = definitionsOf(spec);
  const signals = new Set((spec.signals ?? []).map((one) => one.name));
  const texts = new Set(dataOf(figure).flatMap((columns) => Object.keys(columns).filter((name) => columns[name]!.some((one) => typeof one === "string")))); // dates too
  const measured = new Map<number | null, Set<string>>(); // by table: what any of its marks measures
  const read = new Map([...marks].map(([path, definition]) => {
    const lineage = lineageOf(definition.source, signals);
    const channels = channelsOf(definition, discrete, steady, texts);
    measured.set(lineage.table, new Set([...(measured.get(lineage.table) ?? []), ...channels.value]));
    return [path, { lineage, channels, panel: definition.panel }] as const;
  }));
  return { marks: read, measured };
}

/** What the specification says of a mark that is drawn. */
function originOf(figure: Element, mark: Mark): { channels: Channels; lineage: Lineage; panel: string; measured: Set<string> } {
  let read = readings.get(figure);
  if (!read) readings.set(figure, (read = readSpec(figure)));
  const path: string[] = [];
  for (let at: Mark | undefined = mark; at?.group; at = at.group.mark) path.unshift(at.name ?? "");
  const known = read.marks.get(path.join("/")) ?? { lineage: lineageOf(null, new Set()), channels: { series: [], places: [], value: [] }, panel: "" };
  return { ...known, measured: read.measured.get(known.lineage.table) ?? new Set() };
}

/** The rows of a table that a drawn row may come from. */
function rowsOf(columns: Columns, datum: Datum, made: Set<string>): number[] {
  const names = Object.keys(columns).filter((name) => !made.has(name) && name in datum);
  let rows = (Object.values(columns)[0] ?? []).map((_, row) => row);
  if (!names.length) return rows.length === 1 ? rows : [];
  for (const name of names) rows = rows.filter((row) => drawnFrom(datum[name], columns[name]![row]));
  return rows;
}

const matching = (columns: Columns, fields: Fields): number => {
  const names = Object.keys(fields);
  return (Object.values(columns)[0] ?? []).filter((_, row) => names.every((name) => (columns[name]?.[row] ?? null) === fields[name])).length;
};

const MOST_FIELDS = 20;

/** The fields by which one row of a table is told from all others: what the chart is read by first, then the run, then
 * whatever else is no measured value; a measured value only where nothing else tells two rows apart. */
function keyOf(columns: Columns, row: number, { series, places }: Channels, chosen: string[], measured: Set<string>): Fields {
  const count = (Object.values(columns)[0] ?? []).length;
  const distinct = (name: string) => new Set(columns[name]).size;
  const isNumber = (name: string) => columns[name]!.some((one) => typeof one === "number");
  const isWhole = (name: string) => columns[name]!.every((one) => typeof one !== "number" || Number.isInteger(one));
  const known = Object.keys(columns).filter((name) => !name.startsWith("__"));
  const held = (names: string[]) => names.filter((name) => known.includes(name));
  const fields: Fields = {};
  const take = (name: string) => {
    const one = plain(columns[name]![row] ?? null);
    if (one !== undefined && Object.keys(fields).length < MOST_FIELDS) fields[name] = one;
  };
  const isShared = (name: string) => !isNumber(name) || 2 * distinct(name) <= count;
  const steps = held(places).filter((name) => isShared(name) || isWhole(name));
  held([...series, ...chosen, ...steps.filter((name) => !isNumber(name))]).forEach(take);
  const rest = known.filter((name) => !measured.has(name) && !places.includes(name) && !["run", "seed"].includes(name));
  const order = [
    ...steps, ...held(["run", "seed"]), ...rest.filter((name) => !isNumber(name)), ...rest.filter((name) => isNumber(name) && isShared(name)),
    ...held(places), ...rest, ...held([...measured]),
  ];
  let left = matching(columns, fields);
  for (const name of order) {
    if (left <= 1) break;
    if (name in fields) continue;
    const before = { ...fields };
    take(name);
    const now = matching(columns, fields);
    if (now === left) for (const one of Object.keys(fields)) if (!(one in before)) delete fields[one]; // it tells nothing apart
    left = Math.min(now, left);
  }
  return fields;
}

interface Named { fields: Fields; computed: Fields; value: Fields; series: Fields; told: Fields; ofRow: boolean; table: number | null; panel: string }

/** What a drawn mark is: the row or the group of rows that it shows, and what of it is measured. */
function nameMark(figure: Element, one: Placed, marks: Placed[]): Named {
  const datum = one.item.datum ?? {};
  const { channels, lineage, panel, measured } = originOf(figure, one.mark);
  const data = dataOf(figure);
  const columns = lineage.table === null ? undefined : (data[lineage.table] ?? (data.length === 1 ? data[0] : undefined));
  const rows = columns ? rowsOf(columns, datum, lineage.made) : [];
  const ofRow = lineage.ofRow && rows.length > 0;
  const held = (name: string) => plain(ofRow && columns![name] && !lineage.made.has(name) ? columns![name]![rows[0]!] ?? null : writtenAs(datum[name], columns?.[name]));
  const pick = (names: string[]): Fields => Object.fromEntries(names.flatMap((name) => {
    const value = name in datum || (ofRow && columns![name]) ? held(name) : undefined;
    return value === undefined ? [] : [[name, value]];
  }).slice(0, MOST_FIELDS));
  const isRaw = (name: string) => !!columns?.[name] && !lineage.made.has(name) && (ofRow || columns[name]!.includes(held(name)));
  const value = pick(channels.value);
  const series = pick(channels.series.filter(isRaw));
  let fields: Fields;
  let computed: Fields = {};
  if (ofRow) {
    fields = keyOf(columns!, rows[0]!, channels, lineage.chosen, measured);
    const twins = marks.filter((other) => other.mark.name === one.mark.name && other !== one && rowsOf(columns!, other.item.datum ?? {}, lineage.made).includes(rows[0]!));
    if (lineage.multiplied.length && twins.length) computed = pick(lineage.multiplied);
  } else {
    const dimensions = [...new Set([...channels.series, ...channels.places, ...lineage.groupby])].filter((name) => !(name in value));
    const chosen = Object.fromEntries(Object.entries(lineage.equal).filter(([name]) => columns?.[name]).flatMap(([name, signal]) => {
      const set = (stateOf(figure).signals ?? {})[signal];
      const found = plain(writtenAs(set, columns![name]));
      return found !== undefined && columns![name]!.includes(found) ? [[name, found]] : [];
    }));
    fields = { ...pick(dimensions.filter(isRaw)), ...chosen };
    computed = pick(dimensions.filter((name) => !isRaw(name) && !/_(sort_index|count)$/.test(name)));
  }
  const told = { ...pick([...channels.series.filter(isRaw), ...channels.places]), ...fields, ...computed };
  for (const name of Object.keys(value)) if (!(name in fields)) delete told[name];
  return { fields, computed, value, series, told, ofRow, table: lineage.table, panel };
}

/** A drawn value as its column holds it: Vega reads the text of a date or of a number. */
const writtenAs = (drawn: unknown, column: unknown[] | undefined): unknown =>
  column?.includes(drawn) ? drawn : (column?.find((held) => typeof held === "string" && drawnFrom(drawn, held)) ?? drawn);

export function choicesFor(figure: Element, one: Placed, marks: Placed[] = allMarks(figure)?.marks ?? []): Choice[] {
  const block = blockOf(figure);
  const title = titleOf(block);
  const named = nameMark(figure, one, marks);
  const state = stateOf(figure);
  const data = dataOf(figure);
  const runs = runsBehind(figure, named.table !== null && data[named.table] ? [data[named.table]!] : data, named.fields);
  const origin = tellRuns(runs);
  const where = { state, ...(named.table === null ? {} : { data: named.table, sets: data.length }), ...(named.panel ? { panel: named.panel } : {}), ...whichChart(figure) };
  const choices: Choice[] = [];
  const inPanel = named.panel ? `, ${named.panel}` : "";
  const place = told(named.told) || "the only one";
  const mark = {
    type: "blogkit:MarkSelector", part: "mark", fields: named.fields, value: named.value, of: named.ofRow ? "row" : "rows", ...where,
    ...(Object.keys(named.computed).length ? { computed: named.computed } : {}), run: origin.slice(3, 303) || null,
    ...("run" in named.fields && runs.length === 1 && runs[0]!.made ? { made: runs[0]!.made } : {}),
  };
  choices.push({ label: `${title}${inPanel}: the mark at ${place}`, quote: `${title}${inPanel}, ${place}: ${told(named.value)}${origin}`, selectors: [fragment(block), mark] });
  if (Object.keys(named.series).length) {
    const all = { type: "blogkit:MarkSelector", part: "series", fields: named.series, ...where };
    choices.push({ label: `${title}${inPanel}: the series ${told(named.series)}`, quote: `${title}${inPanel}, series ${told(named.series)}`, selectors: [fragment(block), all] });
  }
  return choices;
}

/** Every mark of a chart that can be named, for the keyboard: in the order in which they are drawn. */
export function markList(figure: Element): Placed[] {
  const drawn = allMarks(figure);
  const seen = new Set<string>();
  return (drawn?.marks ?? []).filter((one) => {
    const datum = one.item.datum ?? {};
    const key = JSON.stringify([one.mark.name, ...Object.entries(datum).map(([name, value]) => [name, plain(value)])]);
    return !seen.has(key) && !!seen.add(key);
  });
}

/** Where a mark or a series is drawn on the page; the whole chart where none of it is to be seen. */
export function placeOf(figure: Element, selector: Selector): DOMRect | null {
  const drawn = allMarks(figure);
  const fields = (selector.fields ?? {}) as Datum;
  const computed = (selector.computed ?? {}) as Datum;
  const named = Object.entries({ ...fields, ...computed });
  if (!drawn || (!named.length && selector.data === undefined)) return null;
  let hits = drawn.marks.filter((one) => {
    const origin = originOf(figure, one.mark);
    if (typeof selector.data === "number" && origin.lineage.table !== selector.data) return false;
    if (typeof selector.panel === "string" && origin.panel !== selector.panel) return false;
    const datum = one.item.datum ?? {};
    return named.every(([name, value]) => (name in datum ? alike(datum[name], value) : name in origin.lineage.equal || !(name in computed) && origin.lineage.ofRow === false));
  });
  const measured = Object.keys((selector.value ?? {}) as Datum);
  const same = hits.filter((one) => measured.every((name) => originOf(figure, one.mark).channels.value.includes(name)));
  if (selector.part === "mark" && same.length) hits = same;
  if (!hits.length) return null;
  const points = hits.map((one) => new DOMPoint(one.x, one.y).matrixTransform(drawn.matrix));
  const [left, right] = [Math.min(...points.map((p) => p.x)), Math.max(...points.map((p) => p.x))];
  const [top, bottom] = [Math.min(...points.map((p) => p.y)), Math.max(...points.map((p) => p.y))];
  return new DOMRect(left - 9, top - 9, right - left + 18, bottom - top + 18);
}

const alike = (drawn: unknown, value: unknown): boolean => drawnFrom(drawn, value) || (drawn instanceof Date && drawn.getTime() === value);
