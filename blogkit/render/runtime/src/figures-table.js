// The data table of a figure, in full, when a reader opens it. Everything is set as text.
import {tableColumns} from './tables.js';

const PAGE = 100;

document.addEventListener('blogkit:table', event => {
  const details = event.target;
  if (details.dataset.state) return;
  details.dataset.state = 'shown';
  const columns = tableColumns(details.dataset.table).filter(([name]) => !name.startsWith('__'));
  const count = columns.length ? columns[0][1].length : 0;
  const box = details.querySelector('.bk-table');
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
        cell.textContent = value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : value;
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
});
