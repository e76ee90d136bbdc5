// What a reader draws on: a pad of cells, and a curve. Both are drawings in the page before this is loaded, and both
// work by pointer, by touch and by arrow keys. `value` is {start, get, set, listen} of the chart's parameter.
const LEVELS = 8;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** A row of buttons, which only a page with scripts has. */
function buttons(input, entries) {
  const row = document.createElement('div');
  row.className = 'bk-live-buttons';
  for (const [label, action] of entries) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = label;
    button.addEventListener('click', action);
    row.append(button);
  }
  input.append(row);
}

/** Strokes on an area: each event as [x, y, begins] in parts of its size. A first touch that came before this counts. */
function strokes(input, area, draw) {
  let pointer = null;
  const place = event => {
    const box = area.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const down = event => {
    if (event.button > 0 || !event.isPrimary) return;
    pointer = event.pointerId;
    try { area.setPointerCapture(pointer); } catch { /* it has been lifted already */ }
    draw(...place(event), true);
  };
  area.addEventListener('pointerdown', down);
  area.addEventListener('pointermove', event => {
    if (event.pointerId !== pointer) return;
    const between = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const one of between.length ? between : [event]) draw(...place(one), false);
  });
  for (const type of ['pointerup', 'pointercancel', 'lostpointercapture']) {
    area.addEventListener(type, event => { if (event.pointerId === pointer) pointer = null; });
  }
  for (const event of input.held || []) if (area.contains(event.target)) {
    if (event.type === 'pointerdown') down(event);
    else if (event.type === 'pointermove' && event.pointerId === pointer) draw(...place(event), false);
    else if (event.type === 'pointerup' && event.pointerId === pointer) pointer = null;
  }
  input.held = null;
}

/** The cells of a picture as one path a level of ink. */
export function inkPaths(cells, columns) {
  const paths = Array.from({length: LEVELS}, () => '');
  cells.forEach((ink, i) => {
    const level = Math.ceil(clamp(ink, 0, 1) * LEVELS);
    if (level) paths[level - 1] += `M${i % columns} ${Math.floor(i / columns)}h1v1h-1z`;
  });
  return paths;
}

export function padOf(input, plan, value) {
  const [rows, columns] = plan.size;
  const area = input.querySelector('.bk-pad'), svg = area.querySelector('svg');
  const radius = Math.max(0.9, Math.min(rows, columns) / 15);
  let cells = [...value.get()], last = null, at = [Math.floor(columns / 2), Math.floor(rows / 2)], cursor = null;

  const paths = Array.from({length: LEVELS}, (_, level) => {
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('fill-opacity', String((level + 1) / LEVELS));
    return path;
  });
  svg.replaceChildren(...paths);
  const show = () => inkPaths(cells, columns).forEach((d, level) => paths[level].setAttribute('d', d));
  const changed = () => { show(); value.set(cells.map(ink => Math.round(ink * 1000) / 1000)); };
  const stamp = (x, y) => {
    for (let row = Math.max(0, Math.floor(y - radius - 1)); row < Math.min(rows, y + radius + 1); ++row) {
      for (let column = Math.max(0, Math.floor(x - radius - 1)); column < Math.min(columns, x + radius + 1); ++column) {
        const ink = clamp(radius + 0.5 - Math.hypot(column + 0.5 - x, row + 0.5 - y), 0, 1);
        const i = row * columns + column;
        cells[i] = Math.max(cells[i], ink);
      }
    }
  };
  strokes(input, area, (x, y, begins) => {
    const now = [x * columns, y * rows];
    const from = begins || !last ? now : last;
    const steps = Math.max(1, Math.ceil(Math.hypot(now[0] - from[0], now[1] - from[1]) * 2));
    for (let i = 1; i <= steps; ++i) stamp(...from.map((one, axis) => one + (now[axis] - one) * i / steps));
    last = now;
    changed();
  });

  const point = () => {
    if (!cursor) {
      cursor = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
      cursor.setAttribute('class', 'bk-pad-cursor');
      cursor.setAttribute('width', '1');
      cursor.setAttribute('height', '1');
      svg.append(cursor);
    }
    cursor.setAttribute('x', String(at[0]));
    cursor.setAttribute('y', String(at[1]));
  };
  const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  let pen = false;
  area.addEventListener('keydown', event => {
    const move = moves[event.key];
    if (move) {
      at = [clamp(at[0] + move[0], 0, columns - 1), clamp(at[1] + move[1], 0, rows - 1)];
      if (pen || event.shiftKey) { stamp(at[0] + 0.5, at[1] + 0.5); changed(); }
    } else if (event.key === ' ' || event.key === 'Enter') {
      pen = event.key === 'Enter' ? !pen : pen;
      stamp(at[0] + 0.5, at[1] + 0.5);
      changed();
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      cells = cells.map(() => 0);
      changed();
    } else return;
    event.preventDefault();
    point();
  });
  area.addEventListener('blur', () => { if (cursor) cursor.remove(); cursor = null; pen = false; });
  buttons(input, [
    ['Clear', () => { cells = cells.map(() => 0); last = null; changed(); }],
    ['Example', () => { cells = [...value.start]; last = null; changed(); }],
  ]);
  value.listen(given => { if (given.length === cells.length) { cells = [...given]; show(); } });
  show();
}

export function signalOf(input, plan, value) {
  const area = input.querySelector('.bk-signal'), line = area.querySelector('polyline');
  const {low, high} = plan;
  let points = [...value.get()], last = null, at = Math.floor(points.length / 2), marker = null;
  const count = points.length;
  const x = i => i / (count - 1) * 100, y = number => (high - number) / (high - low) * 40;
  const show = () => {
    line.setAttribute('points', points.map((number, i) => `${x(i).toFixed(2)},${y(number).toFixed(2)}`).join(' '));
    if (marker) { marker.setAttribute('x1', x(at)); marker.setAttribute('x2', x(at)); }
    area.setAttribute('aria-valuenow', String(Number(points[at].toPrecision(3))));
    area.setAttribute('aria-valuetext', `point ${at + 1} of ${count}: ${Number(points[at].toPrecision(3))}`);
  };
  const changed = () => { show(); value.set(points.map(number => Number(number.toPrecision(5)))); };
  strokes(input, area, (across, down, begins) => {
    const now = [clamp(Math.round(across * (count - 1)), 0, count - 1), clamp(high - down * (high - low), low, high)];
    const from = begins || !last ? now : last;
    const steps = Math.abs(now[0] - from[0]);
    for (let i = 0; i <= steps; ++i) {
      const share = steps ? i / steps : 1;
      points[Math.round(from[0] + (now[0] - from[0]) * share)] = from[1] + (now[1] - from[1]) * share;
    }
    last = now;
    at = now[0];
    changed();
  });
  const mark = () => {
    if (marker) return;
    marker = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    marker.setAttribute('class', 'bk-signal-marker');
    marker.setAttribute('y1', '0');
    marker.setAttribute('y2', '40');
    line.after(marker);
  };
  area.addEventListener('keydown', event => {
    const up = {ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5}[event.key];
    const along = {ArrowLeft: -1, ArrowRight: 1, Home: -count, End: count}[event.key];
    if (up === undefined && along === undefined) return;
    event.preventDefault();
    mark();
    if (along) { at = clamp(at + along, 0, count - 1); show(); return; }
    points[at] = clamp(points[at] + up * (high - low) / 40, low, high);
    changed();
  });
  area.addEventListener('blur', () => { if (marker) marker.remove(); marker = null; });
  buttons(input, [['Example', () => { points = [...value.start]; last = null; changed(); }]]);
  value.listen(given => { if (given.length === count) { points = [...given]; show(); } });
  show();
}
