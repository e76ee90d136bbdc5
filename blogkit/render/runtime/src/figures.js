// Loaded by every page with figures, and small: it listens, and loads the runtime when a reader touches a figure.
const here = document.currentScript.src;
const loaded = new Map();

/** Loads a classic script of ours or of the page's folder, once; module scripts and fetch() fail over file://. */
function load(address) {
  if (!loaded.has(address)) {
    loaded.set(address, new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.src = address;
      script.onload = () => resolve();
      script.onerror = () => { loaded.delete(address); script.remove(); reject(Error(address)); };
      document.head.append(script);
    }));
  }
  return loaded.get(address);
}

// Full-precision columns, which a script of the page's folder hands over, until the runtime or the table asks for them.
const exact = new Map();
document.addEventListener('blogkit:columns', event => {
  for (const {table, columns} of event.detail) exact.set(table, columns);
});
document.addEventListener('blogkit:ask', event => { event.detail.columns = exact.get(event.detail.table) || null; });

const ours = name => load(new URL(name, here).href);

/** A script that a figure names, where it names one: its numbers, or what answers for a live figure. It may fail. */
const theirs = address => address && load(new URL(address, document.baseURI).href).catch(() => {});

/** Wakes a figure. With `exact`, its full-precision numbers come along, as a reader at the drawing wants to read them. */
function wake(figure, exact) {
  if (figure.dataset.state && !(exact && figure.dataset.state === 'awake' && figure.dataset.exact)) return;
  const first = !figure.dataset.state;
  const wanted = exact && figure.dataset.exact;
  if (first) figure.dataset.state = 'waking';
  if (wanted) delete figure.dataset.exact;
  Promise.all([ours('figures-runtime.js'), theirs(wanted), theirs(figure.dataset.engine)]).then(
    () => figure.dispatchEvent(new CustomEvent('blogkit:wake', {bubbles: true})),
    () => { delete figure.dataset.state; if (wanted) figure.dataset.exact = wanted; });
}

function openTable(details) {
  Promise.all([ours('figures-table.js'), theirs(details.dataset.exact)]).then(
    () => details.dispatchEvent(new CustomEvent('blogkit:table', {bubbles: true})), () => {});
}

const passive = {passive: true};
const controlled = new Map();  // the name of a parameter -> figures that follow it
for (const figure of document.querySelectorAll('.bk-figure[data-awake]')) {
  const drawing = figure.querySelector('.bk-drawing');
  for (const type of ['pointerenter', 'touchstart']) drawing.addEventListener(type, () => wake(figure, true), passive);
  drawing.addEventListener('focus', () => wake(figure, false), passive);
  // What a finger does before the runtime is there: where it came down, where it is, whether it is up again.
  for (const type of ['pointerdown', 'pointermove', 'pointerup']) drawing.addEventListener(type, event => {
    if (event.pointerType !== 'touch' || figure.dataset.state === 'awake') return;
    if (type === 'pointerdown') figure.held = [event, event, false];
    else if (figure.held) figure.held = [figure.held[0], event, type === 'pointerup'];
  }, passive);
  for (const entry of JSON.parse(figure.dataset.params || '[]')) {
    const found = entry.element ? safeQuery(entry.element) : null;
    if (found) found.addEventListener(entry.event || 'input', () => wake(figure, false), passive);
    if (!controlled.has(entry.name)) controlled.set(entry.name, []);
    controlled.get(entry.name).push(figure);
  }
}

function safeQuery(selector) {
  try { return document.querySelector(selector); } catch { return null; }
}

for (const box of document.querySelectorAll('.bk-controls[hidden]')) {
  box.hidden = false;
  const own = box.closest('.bk-figure');
  const touched = event => {
    const input = event.target.closest('[data-param]');
    if (!input) return;
    const output = input.parentElement.querySelector('output');
    if (output) output.value = input.value;
    for (const figure of own ? [own] : controlled.get(input.dataset.param) || []) wake(figure, false);
  };
  box.addEventListener('input', touched);
  box.addEventListener('focusin', touched);
}

/** Plays a slider or a menu, from its start where it stands at its end, until it is paused or moved by hand. */
function play(button) {
  const input = button.parentElement.querySelector('[data-param]');
  const menu = input.tagName === 'SELECT';
  const [low, high, step] = menu ? [0, input.options.length - 1, 1] : [+input.min, +input.max, +input.step || 1];
  const place = () => menu ? input.selectedIndex : +input.value;
  const put = value => {
    if (menu) input.selectedIndex = value; else input.value = value;
    input.dispatchEvent(new Event('input', {bubbles: true}));
  };
  const stop = () => {
    clearInterval(timer);
    input.removeEventListener('input', byHand);
    button.setAttribute('aria-pressed', 'false');
    button.onclick = () => play(button);
  };
  const byHand = event => event.isTrusted && stop();
  const pause = Math.min(600, Math.max(60, 6000 * step / (high - low)));
  const timer = setInterval(() => place() >= high ? stop() : put(Math.min(high, place() + step)), pause);
  input.addEventListener('input', byHand);
  button.setAttribute('aria-pressed', 'true');
  button.onclick = stop;
  put(place() >= high ? low : place());
}
for (const button of document.querySelectorAll('.bk-play')) button.onclick = () => play(button);

// A step or a word asks for a state: the runtime sets it, once it is there.
document.addEventListener('blogkit:set', event => {
  const figure = event.target, {state} = figure.dataset;
  figure.dataset.wanted = JSON.stringify(event.detail);
  if (!state) wake(figure, false);
  else if (state === 'awake') figure.dispatchEvent(new CustomEvent('blogkit:wake', {bubbles: true}));
});

for (const details of document.querySelectorAll('details.bk-data[data-table]')) {
  details.addEventListener('toggle', () => details.open && !details.dataset.state && openTable(details));
}
