// One tooltip for the page. Names and values are set as text, so a hostile one is only a strange word.
let box = null;

export function showTooltip(drawing, pointer, value) {
  if (value === null || value === undefined || value === '' || pointer.vegaType === 'timer') {
    if (box) box.hidden = true;
    return;
  }
  if (!box) {
    box = document.createElement('div');
    box.className = 'bk-tooltip';
    box.setAttribute('role', 'tooltip');
  }
  drawing.append(box);
  box.replaceChildren(...lines(value));
  box.hidden = false;
  const {clientWidth, clientHeight} = document.documentElement;
  const {width, height} = box.getBoundingClientRect();
  const left = pointer.clientX + 14 + width > clientWidth ? pointer.clientX - width - 10 : pointer.clientX + 14;
  const top = pointer.clientY + 14 + height > clientHeight ? pointer.clientY - height - 10 : pointer.clientY + 14;
  box.style.left = `${Math.max(4, left)}px`;
  box.style.top = `${Math.max(4, top)}px`;
}

function lines(value) {
  if (typeof value !== 'object') return [document.createTextNode(text(value))];
  const entries = Array.isArray(value) ? value.map((part, index) => [index, part]) : Object.entries(value);
  return entries.slice(0, 24).map(([name, part]) => {
    if (PICTURE.test(part)) return picture(part);
    const line = document.createElement('div'), label = document.createElement('span');
    label.textContent = `${name} `;
    line.append(label, text(part));
    return line;
  });
}

// A picture inside the data is shown; an address of anything else is only words.
const PICTURE = /^data:image\/(png|jpeg|gif|webp);base64,/;

function picture(address) {
  const image = document.createElement('img');
  image.src = address;
  image.alt = '';
  return image;
}

function text(value) {
  const shown = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
  return shown.length > 300 ? shown.slice(0, 299) + '…' : shown;
}

addEventListener('scroll', () => { if (box) box.hidden = true; }, {passive: true, capture: true});
addEventListener('keydown', event => { if (box && event.key === 'Escape') box.hidden = true; });
