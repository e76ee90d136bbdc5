// What a live figure answers: the same as blogkit/live.py does, in the browser. Rows in the same order, from the plan alone.
const ARRAYS = {float32: Float32Array, float64: Float64Array, int64: BigInt64Array, int32: Int32Array, bool: Uint8Array};
const STORED = {f4: Float32Array, u1: Uint8Array};

/** The file of the model that the controls choose; undefined where none was recorded for them. */
export const chosenFile = (plan, state) =>
  plan.models.find(model => Object.entries(model.when).every(([name, value]) => state[name] === value))?.file;

/** Every parameter that the plan asks for. */
export function parametersOf(plan) {
  return Object.keys(plan.start || {});
}

export function axisValues({low, high, count}) {
  return Array.from({length: count}, (_, i) =>
    count === 1 ? low : Number((low + (high - low) * i / (count - 1)).toPrecision(10)));
}

const axesOf = input => (input.features || []).filter(part => typeof part === 'object' && 'axis' in part);

/** The places of the grid, each a list with a number for every axis. */
function product(lists) {
  return lists.reduce((made, list) => made.flatMap(before => list.map(value => [...before, value])), [[]]);
}

export function tokensOf(text, input) {
  const parts = input.level === 'words' ? text.split(/\s+/).filter(Boolean) : [...text];
  const known = new Set(input.vocabulary);
  const found = parts.map(part => known.has(part) ? part : input.unknown ?? null).filter(part => part !== null);
  return found.slice(-input.length);
}

/** The model's inputs, each {type, data, shape}. */
export function feedOf(plan, state) {
  return Object.fromEntries(Object.entries(plan.inputs).map(([name, input]) => [name, tensor(input, state)]));
}

function tensor(input, state) {
  const shape = [...input.shape];
  let values;
  if (input.kind === 'features') {
    const rows = product(axesOf(input).map(axisValues));
    values = rows.flatMap(row => {
      let place = 0;
      return input.features.map(part =>
        typeof part !== 'object' ? part : 'axis' in part ? row[place++] : Number(state[part.param]));
    });
    shape[0] = rows.length;
  } else if (input.kind === 'row') {
    const {table} = input;
    const stored = new STORED[table.type](bytes(table.data).buffer);
    const width = stored.length / table.count, first = Number(state[input.param]) * width;
    values = Array.from(stored.subarray(first, first + width), value => value * table.scale + table.offset);
  } else if (input.kind === 'text') {
    values = tokenNumbers(input, String(state[input.param] ?? ''));
    if (input.fill === null) shape[shape.length - 1] = values.length;
  } else {
    values = Array.from(state[input.param], value => value * (input.scale ?? 1) + (input.offset ?? 0));
  }
  const big = input.type === 'int64';
  return {type: input.type, shape, values, data: ARRAYS[input.type].from(values, value => big ? BigInt(Math.trunc(value)) : value)};
}

function tokenNumbers(input, text) {
  const place = new Map(input.vocabulary.map((token, index) => [token, index]));
  const numbers = tokensOf(text, input).map(token => place.get(token));
  if (input.fill === null) return numbers.length ? numbers : [0];
  const space = Array(input.length - numbers.length).fill(input.fill);
  return input.side === 'left' ? [...space, ...numbers] : [...numbers, ...space];
}

export function bytes(base64) {
  const text = atob(base64), made = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) made[i] = text.charCodeAt(i);
  return made;
}

/** The rows with as many digits as a drawing needs, as the example's rows have: a hundred-thousandth of their range. */
function rounded(rows, names) {
  for (const name of names) {
    const there = rows.map(row => row[name]).filter(value => value !== null);
    if (!there.length) continue;
    const low = there.reduce((all, one) => Math.min(all, one)), high = there.reduce((all, one) => Math.max(all, one));
    const span = high - low || Math.max(Math.abs(low), Math.abs(high)) || 1;
    const scale = 10 ** (5 - Math.floor(Math.log10(span)));
    for (const row of rows) if (row[name] !== null) row[name] = Math.round(row[name] * scale) / scale;
  }
  return rows;
}

/** The chart's rows from an output {data, dims}; `feed` is what was asked. Throws where the output is of another shape. */
export function rowsFrom(plan, state, feed, output) {
  const first = Object.values(feed)[0];
  const own = plan.output === 'input';
  const dims = own ? first.shape : output.dims;
  const values = applied(plan.apply, Float64Array.from(own ? first.data : output.data, Number), dims[dims.length - 1] || 1);
  const axes = Object.values(plan.inputs).flatMap(axesOf);
  const batch = product(axes.map(axisValues)).map(place => Object.fromEntries(axes.map((axis, i) => [axis.axis, place[i]])));
  if (plan.over) return rounded(unrolled(plan, state, values, dims, batch), ['value']);
  const width = plan.columns.length;
  if (values.length !== batch.length * width) throw Error('the model answers another number of columns');
  batch.forEach((row, i) => plan.columns.forEach((name, j) => { row[name] = number(values[i * width + j]); }));
  return rounded(batch, plan.columns);
}

const number = value => Number.isFinite(value) ? value : null;

function applied(name, values, width) {
  if (name === 'sigmoid') return values.map(value => 1 / (1 + Math.exp(-value)));
  if (name !== 'softmax') return values;
  for (let start = 0; start < values.length; start += width) {
    const part = values.subarray(start, start + width), top = Math.max(...part);
    let sum = 0;
    part.forEach((value, i) => { sum += part[i] = Math.exp(value - top); });
    part.forEach((value, i) => { part[i] = value / sum; });
  }
  return values;
}

function unrolled(plan, state, values, dims, batch) {
  const shape = dims.slice(Math.max(0, dims.length - plan.over.length));
  const size = shape.reduce((all, one) => all * one, 1);
  if (shape.length !== plan.over.length || values.length !== batch.length * size) throw Error('the model answers another shape');
  const levels = plan.over.map(([, named], axis) => levelsOf(plan, state, named, shape[axis]));
  const places = product(levels.map((known, axis) =>
    Array.from({length: Math.min(shape[axis], known.length)}, (_, i) => i).filter(i => known[i] !== null)));
  return batch.flatMap((row, i) => places.map(place => {
    const at = place.reduce((all, one, axis) => all * shape[axis] + one, 0);
    const named = Object.fromEntries(plan.over.map(([name], axis) => [name, levels[axis][place[axis]]]));
    return {...row, ...named, value: number(values[i * size + at])};
  }));
}

function levelsOf(plan, state, named, size) {
  if (named === null) return Array.from({length: size}, (_, i) => i);
  if (named !== 'tokens') return named;
  const input = Object.values(plan.inputs).find(one => one.kind === 'text');
  const tokens = tokensOf(String(state[input.param] ?? ''), input).map((token, i) => `${i + 1} ${token}`);
  return input.fill !== null && input.side === 'left' ? [...Array(size - tokens.length).fill(null), ...tokens] : tokens;
}

/** The largest difference between two answers, in parts of the range of the column; Infinity for other rows. */
export function deviation(plan, shown, answered) {
  if (shown.length !== answered.length) return Infinity;
  const values = plan.over ? ['value'] : plan.columns;
  let worst = 0;
  for (const name of Object.keys(answered[0] || {})) {
    if (!values.includes(name)) {
      if (shown.some((row, i) => row[name] !== answered[i][name])) return Infinity;
      continue;
    }
    const there = answered.map(row => row[name]).filter(value => value !== null);
    if (shown.some((row, i) => (row[name] === null) !== (answered[i][name] === null))) return Infinity;
    const span = Math.max(...there) - Math.min(...there) || Math.max(...there.map(Math.abs)) || 1;
    shown.forEach((row, i) => { if (row[name] !== null) worst = Math.max(worst, Math.abs(row[name] - answered[i][name]) / span); });
  }
  return worst;
}
