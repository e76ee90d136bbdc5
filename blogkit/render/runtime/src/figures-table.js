// The data table of a figure, in full, when a reader opens it. Everything is set as text.
import {tableColumns} from './tables.js';

const PAGE = 100;

document.addEventListener('blogkit:table', event => {
  const details = event.target;
  if (details.dataset.state) return;
  details.dataset.state = 'shown';
  for (const box of details.querySelectorAll('.bk-table')) fill(box, box.dataset.table || details.dataset.table);
});

function fill(box, id) {
  const columns = tableColumns(id).filter(([name]) => !name.startsWith('__'));
  const count = columns.length ? columns[0][1].length : 0;
  const caption = box.querySelector('caption');
  const table = document.createElement('table');
  const head = table.createTHead().insertRow();
  const body = table.createTBody();
  if (caption) {
    caption.textContent = `${count.toLocaleString('en')} rows`;
    table.prepend(caption);
  }
  for (const [name] of columns) {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.textContent = name;
    head.append(cell);
  }
  let shown = 0;
  const more = document.createElement('button');
  const add = rows => {
    const end = Math.min(count, shown + rows);
    for (; shown < end; ++shown) {
      const row = body.insertRow();
      for (const [, values] of columns) {
        const value = values[shown];
        const cell = row.insertCell();
        cell.textContent = written(value);
        if (typeof value === 'number') cell.className = 'bk-number';
      }
    }
    more.textContent = `Show ${Math.min(10 * PAGE, count - shown).toLocaleString('en')} more rows`;
    more.hidden = shown >= count;
  };
  more.type = 'button';
  more.addEventListener('click', () => add(10 * PAGE));
  add(PAGE);
  box.replaceChildren(table, more);
}

/** A value as people write it: without the noise of sums of fractions, 0.1 + 0.2 being 0.3; a picture as a word. */
function written(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  if (typeof value === 'string' && value.startsWith('data:image/')) return '(picture)';
  if (typeof value !== 'number' || !Number.isFinite(value)) return value;
  const short = Number(value.toPrecision(12));
  return Math.abs(short - value) <= 4 * Number.EPSILON * Math.abs(value) ? short : value;
}
