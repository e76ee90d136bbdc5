// Wakes a figure: Vega draws over the static drawing. Loaded on a reader's first touch; nothing of it is on `window`,
// expressions are interpreted and never compiled, so that a page needs no 'unsafe-eval'.
import {changeset, transforms} from 'vega-dataflow';
import * as basic from 'vega-transforms';
import * as viewing from 'vega-view-transforms';
import * as encoding from 'vega-encode';
import * as fitting from 'vega-regression';
import * as nearest from 'vega-voronoi';
import {parse} from 'vega-parser';
import {View} from 'vega-view';
import {expressionInterpreter} from 'vega-interpreter';
import {tableRows} from './tables.js';
import {showTooltip} from './tooltip.js';
import {listenToFingers, repeatTouch} from './touch.js';

Object.assign(transforms, basic, viewing, encoding, fitting, nearest);

// Nothing is ever loaded; a link may lead to a page, and a picture must be inside the specification.
const loader = {
  load: () => Promise.reject(Error('a figure loads nothing')),
  sanitize: (address, options) => {
    const text = String(address).replace(/[\u0000-\u0020]/g, '');
    if (options && options.context === 'href' && /^(https?:|mailto:)/i.test(text)) {
      return Promise.resolve({href: text, target: '_blank', rel: 'noopener noreferrer'});
    }
    if (/^data:image\/(png|jpeg|gif|webp);base64,/.test(text)) return Promise.resolve({href: text});
    return Promise.reject(Error('an address that a figure may not use'));
  },
  http: () => Promise.reject(Error('a figure loads nothing')),
  file: () => Promise.reject(Error('a figure loads nothing')),
};
const views = new WeakMap();

document.addEventListener('blogkit:wake', event => {
  const figure = event.target;
  const known = views.get(figure);
  if (known) { refresh(known); setWanted(figure, known); }
  else if (figure.dataset.state === 'waking') wake(figure).catch(error => {
    figure.dataset.state = 'static';  // the drawing stays as it is
    console.error('blogkit:', error);
  });
});

async function wake(figure) {
  const known = new Map();  // the layouts that are awake: the one for the figure's place, the one for a phone, or both
  await wakeShown(figure, known);
  views.set(figure, known);
  figure.dataset.state = 'awake';
  setWanted(figure, known);
  listenToFingers(figure);
  repeatTouch(figure);
  figure.dispatchEvent(new CustomEvent('blogkit:awake', {bubbles: true}));
  new ResizeObserver(() => wakeShown(figure, known).catch(error => console.error('blogkit:', error)))
    .observe(figure.querySelector('.bk-fit'));
}

/** Wakes the layout that the page's style sheet shows now. */
async function wakeShown(figure, known) {
  const layout = [...figure.querySelectorAll('.bk-layout')].find(one => getComputedStyle(one).display !== 'none');
  if (!layout || known.has(layout)) return;
  known.set(layout, null);
  try {
    known.set(layout, await wakeLayout(figure, layout, [...known.values()].find(one => one)));
  } catch (error) {
    known.delete(layout);
    throw error;
  }
}

async function wakeLayout(figure, layout, before) {
  const spec = specOf(figure, layout);
  const tables = [], answered = JSON.parse(figure.dataset.live || '[]'), given = new Map();
  for (const data of spec.data || []) {
    if (typeof data.values === 'string' && data.values.startsWith('bk-table-')) {
      if (!answered.includes(data.name)) tables.push([data.name, data.values]);
      data.values = tableRows(data.values);
    }
    if (answered.includes(data.name)) given.set(data.name, data.values.map(row => ({...row})));
  }
  const drawing = figure.querySelector('.bk-drawing');
  const still = layout.querySelector('svg');
  const holder = document.createElement('div');
  holder.className = 'bk-awake';
  holder.hidden = true;
  layout.append(holder);
  const view = new View(parse(spec, {}, {ast: true}), {
    expr: expressionInterpreter, renderer: 'svg', loader, hover: true, container: holder,
    tooltip: (handler, pointer, item, value) => showTooltip(drawing, pointer, value),
  });
  const links = connect(figure, view);
  for (const {signal, input} of links) {
    if (before) view.signal(signal, before.view.signal(signal));
    else if (changed(input)) view.signal(signal, valueOf(input));
  }
  await view.runAsync();
  const svg = holder.querySelector('svg');
  const label = drawing.querySelector('svg > title'), description = drawing.querySelector('svg > desc');
  figure.dataset.label ??= [label, description].map(part => part ? part.textContent : '').join(' ').trim();
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', figure.dataset.label);
  holder.removeAttribute('role');
  holder.removeAttribute('aria-roledescription');
  holder.removeAttribute('aria-label');
  holder.hidden = false;
  still.style.display = 'none';  // it stays: the drawing for a phone borrows its curves
  if (answered.length) offer(figure, view, given);
  return {view, tables};
}

/** The specification of a layout: the figure's own, or what it becomes on a phone. */
function specOf(figure, layout) {
  const spec = JSON.parse(figure.querySelector('script.bk-spec').textContent);
  if (!layout.classList.contains('bk-phone')) return spec;
  for (const [path, ...value] of JSON.parse(figure.querySelector('script.bk-spec-phone').textContent)) {
    const last = path.pop();
    const holder = path.reduce((node, key) => node[key], spec);
    if (value.length) holder[last] = value[0]; else delete holder[last];
  }
  return spec;
}

/** Hands a live figure to what answers it: its parameters and its rows, by functions, so that no view is on `window`. */
function offer(figure, view, given) {
  const detail = {
    signal: name => view.signal(name),
    set: (name, value) => { if (view.signal(name) !== value) view.signal(name, value).runAsync(); },
    // After the run that changed it: a view does not run within its own run.
    listen: (name, action) => view.addSignalListener(name, (_, value) => queueMicrotask(() => action(value))),
    given: name => given.get(name),
    replace: (name, rows) => replace(view, name, rows),
  };
  figure.dispatchEvent(new CustomEvent('blogkit:view', {bubbles: true, detail}));
}

/** Puts other rows into a data set. Rows of the same places change in place, which draws several times as fast. */
function replace(view, name, rows) {
  const shown = view.data(name);
  const fields = Object.keys(rows[0] || {});
  if (shown.length !== rows.length || !rows.length) return view.data(name, rows).runAsync();
  const changes = changeset();
  rows.forEach((row, i) => {
    for (const field of fields) if (shown[i][field] !== row[field]) changes.modify(shown[i], field, row[field]);
  });
  return view.change(name, changes).runAsync();
}

/** Brings a figure and its controls to the state that a step or a word of the text asked for. */
function setWanted(figure, known) {
  const wanted = JSON.parse(figure.dataset.wanted || '{}');
  delete figure.dataset.wanted;
  for (const [name, value] of Object.entries(wanted)) {
    for (const awake of known.values()) if (awake) awake.view.signal(name, value);
    for (const input of controlsOf(figure, name)) {
      if (input.dataset.json !== undefined) choose(input, value);
      else if (input.type === 'checkbox') input.checked = !!value;
      else if (value !== null) input.value = value;
      const output = input.parentElement.querySelector('output');
      if (output) output.value = input.value;
    }
  }
  if (Object.keys(wanted).length) for (const awake of known.values()) if (awake) awake.view.runAsync();
}

/** The controls of a parameter: the figure's own, and the page's. */
function controlsOf(figure, name) {
  return [...document.querySelectorAll('[data-param]')].filter(input => {
    const owner = input.closest('.bk-figure');
    return input.dataset.param === name && (!owner || owner === figure);
  });
}

/** Full-precision rows have come after the figure awoke: they take the place of those made for drawing. */
function refresh(known) {
  for (const awake of known.values()) {
    if (!awake) continue;
    for (const [name, table] of awake.tables) awake.view.data(name, tableRows(table));
    awake.view.runAsync();
  }
}

/** Binds the controls of the figure and of the page to the view's signals. */
function connect(figure, view) {
  const links = [];
  for (const {name, element, event} of JSON.parse(figure.dataset.params || '[]')) {
    let inputs;
    if (element) {
      try { inputs = [...document.querySelectorAll(element)]; } catch { inputs = []; }
    } else {
      inputs = controlsOf(figure, name);
    }
    for (const input of inputs) {
      links.push({signal: name, input});
      input.addEventListener(event || 'input', () => view.signal(name, valueOf(input)).runAsync());
      if (input.dataset.json !== undefined) view.addSignalListener(name, (_, value) => choose(input, value));
    }
  }
  return links;
}

function valueOf(input) {
  if (input.type === 'checkbox') return input.checked;
  if (input.type === 'range' || input.type === 'number') return input.value === '' ? null : Number(input.value);
  if (input.dataset.json !== undefined) return JSON.parse(input.value);
  return input.value;
}

/** A menu shows what was chosen in the drawing, by a click on its legend. */
function choose(input, value) {
  for (const option of input.options) if (JSON.parse(option.value) === (value ?? null)) option.selected = true;
}

function changed(input) {
  if (input.type === 'checkbox') return input.checked !== input.defaultChecked;
  if (input.tagName === 'SELECT') return [...input.options].some(option => option.selected !== option.defaultSelected);
  return input.value !== input.defaultValue || !input.closest('.bk-figure');
}
