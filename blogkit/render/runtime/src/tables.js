// The rows of a page's charts, as page/rows.py writes them: columns, each coded the way that suits it. Figures, data
// tables and the review's interface all read them here.
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const decoded = new Map();

const decoders = {
  // the values themselves
  values: (n, values) => values,
  // numbers that were single precision before they were written
  single: (n, values) => values.map(value => value === null ? null : Math.fround(value)),
  // one of few values, by a letter each
  choice: (n, levels, text) => Array.from({length: n}, (_, i) => levels[LETTERS.indexOf(text[i])]),
  // an axis of a grid of runs: each level `repeat` times, over and over
  axis: (n, levels, repeat) => Array.from({length: n}, (_, i) => levels[Math.floor(i / repeat) % levels.length]),
  // whole numbers over a power of ten, each as the step from the one before
  steps: (n, scale, steps) => { let sum = 0; return steps.map(step => (sum += step) / scale); },
  // for drawing alone: whole numbers of `width` letters, the zigzag step from the one before, over a range
  drawn: (n, width, low, high, logarithmic, text) => {
    const top = 64 ** width - 1, values = [];
    let code = 0;
    for (let i = 0; i < n; ++i) {
      let step = 0;
      for (let j = 0; j < width; ++j) step = step * 64 + LETTERS.indexOf(text[i * width + j]);
      code += step % 2 ? -(step + 1) / 2 : step / 2;
      code = (code + top + 1) % (top + 1);
      const value = low + (high - low) * code / top;
      values.push(logarithmic ? Math.exp(value) : value);
    }
    return values;
  },
};

/** The columns in full precision, where their script has come: figures.js keeps them. */
function exactColumns(id) {
  const asked = {table: id, columns: null};
  document.dispatchEvent(new CustomEvent('blogkit:ask', {detail: asked}));
  return asked.columns;
}

function columns(id) {
  const exact = exactColumns(id);
  const before = decoded.get(id);
  if (before && before.exact === !!exact) return before;
  const table = JSON.parse(document.getElementById(id).textContent);
  const known = new Map(table.columns.concat(exact || []).map(column => [column[0], column]));
  const there = [...known].filter(([, column]) => column[1] !== 'later');  // the others' script has not come
  const made = there.map(([name, [, kind, ...rest]]) => [name, decoders[kind](table.rows, ...rest)]);
  const after = {rows: table.rows, columns: made, exact: !!exact};
  decoded.set(id, after);
  return after;
}

/** A table's columns as [name, values] pairs, in full precision where that has been loaded. */
export const tableColumns = id => columns(id).columns;

/** A table's rows as new objects, which Vega may change. */
export function tableRows(id) {
  const {rows, columns: made} = columns(id);
  return Array.from({length: rows}, (_, i) => {
    const row = {};
    for (const [name, values] of made) if (values[i] !== undefined) setOwn(row, name, values[i]);
    return row;
  });
}

/** A column may be called `__proto__`; it is a name like any other. */
function setOwn(row, name, value) {
  if (name === '__proto__') Object.defineProperty(row, name, {value, enumerable: true});
  else row[name] = value;
}
