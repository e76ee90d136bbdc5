// Fingers: a tap shows a tooltip, also of a mark that is a little beside it; a stroke that began before the figure was
// awake goes on; two fingers zoom a figure whose axes can be zoomed.
const RINGS = [0, 7, 14, 20];  // pixels around a tap
const STILL = 10;  // pixels that a tap may move
const ZOOM = Math.log(1.001);  // of Vega-Lite's wheel: a pixel of it

export function listenToFingers(figure) {
  const drawing = figure.querySelector('.bk-drawing');
  const fingers = new Map();
  let start = null, apart = 0;
  if (figure.held && !figure.held[2]) {  // still down since before the figure was awake
    [start] = figure.held;
    fingers.set(start.pointerId, start);
  }
  drawing.addEventListener('pointerdown', event => {
    if (event.pointerType !== 'touch' || !event.isTrusted) return;
    fingers.set(event.pointerId, event);
    start = fingers.size === 1 ? event : null;
    apart = fingers.size === 2 ? distance(fingers) : 0;
  }, {passive: true});
  addEventListener('pointermove', event => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, event);
    if (!apart || fingers.size !== 2) return;
    event.stopImmediatePropagation();  // two fingers are no brush
    const now = distance(fingers);
    if (drawing.dataset.touch === 'zoom' && Math.abs(now - apart) > 1) {
      const [a, b] = fingers.values(), x = (a.clientX + b.clientX) / 2, y = (a.clientY + b.clientY) / 2;
      const below = svgAt(drawing, x, y);
      if (below) below.dispatchEvent(new WheelEvent('wheel', {
        bubbles: true, cancelable: true, clientX: x, clientY: y, deltaY: -Math.log(now / apart) / ZOOM,
      }));
      apart = now;
    }
  }, {capture: true});
  for (const type of ['pointerup', 'pointercancel']) addEventListener(type, event => {
    if (!fingers.delete(event.pointerId)) return;
    apart = 0;
    if (type === 'pointerup' && start && near(start, event)) requestAnimationFrame(() => tap(drawing, event.clientX, event.clientY));
    start = null;
  }, {passive: true});
}

/** What a finger did while the figure was still asleep: a tap, or the beginning of a stroke. */
export function repeatTouch(figure) {
  const {held} = figure;
  delete figure.held;
  if (!held) return;
  const [first, last, up] = held, drawing = figure.querySelector('.bk-drawing');
  if (near(first, last) && up) return tap(drawing, last.clientX, last.clientY);
  if (!drawing.dataset.touch) return;
  for (const [type, {clientX, clientY}] of [['pointerdown', first], ['pointermove', last], ...(up ? [['pointerup', last]] : [])]) {
    const below = svgAt(drawing, clientX, clientY) || drawing;
    below.dispatchEvent(new PointerEvent(type, {bubbles: true, cancelable: true, clientX, clientY, pointerType: 'touch', isPrimary: true, buttons: 1}));
  }
}

function tap(drawing, x, y) {
  for (const ring of RINGS) for (let turn = 0; turn < (ring ? 8 : 1); ++turn) {
    const [clientX, clientY] = [x + ring * Math.cos(turn * Math.PI / 4), y + ring * Math.sin(turn * Math.PI / 4)];
    const below = svgAt(drawing, clientX, clientY);
    if (!below || !hasTooltip(below)) continue;
    return below.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX, clientY, pointerType: 'touch'}));
  }
  drawing.querySelector('.bk-tooltip')?.setAttribute('hidden', '');
}

function hasTooltip(node) {
  const item = node.__data__;
  const found = item && (item.tooltip ?? (item.mark ? null : item.items?.[0]?.tooltip));
  return found !== null && found !== undefined;
}

function svgAt(drawing, x, y) {
  const node = document.elementFromPoint(x, y);
  return node && drawing.contains(node) && node.closest('.bk-awake svg') ? node : null;
}

const near = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) <= STILL;
function distance(fingers) {
  const [a, b] = fingers.values();
  return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) || 1;
}
