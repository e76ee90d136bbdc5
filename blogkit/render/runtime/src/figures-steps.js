// Steps beside a figure, and words that drive one: each sets the figure to the state that it argues from.
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const behavior = () => calm.matches ? 'auto' : 'smooth';

function drive(node) {
  const figure = document.getElementById(node.dataset.figure);
  if (!figure || !node.dataset.state) return;
  figure.dispatchEvent(new CustomEvent('blogkit:set', {bubbles: true, detail: JSON.parse(node.dataset.state)}));
  for (const other of document.querySelectorAll('.bk-drive[aria-pressed]')) {
    if (other.dataset.figure === figure.id) other.setAttribute('aria-pressed', String(other.dataset.state === node.dataset.state));
  }
}

for (const words of document.querySelectorAll('.bk-drive[data-state]')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = words.className;
  for (const name of ['figure', 'state']) button.dataset[name] = words.dataset[name];
  button.setAttribute('aria-pressed', 'false');
  button.append(...words.childNodes);
  words.replaceWith(button);
  button.addEventListener('click', () => {
    drive(button);
    const figure = document.getElementById(button.dataset.figure), place = figure.getBoundingClientRect();
    if (place.bottom < 80 || place.top > innerHeight - 80) figure.scrollIntoView({block: 'center', behavior: behavior()});
  });
}

for (const list of document.querySelectorAll('.bk-steps')) {
  const steps = [...list.querySelectorAll('.bk-step[data-state]')];
  const stage = list.querySelector('.bk-stage');
  const show = step => {
    if (!step || step.classList.contains('bk-now')) return;
    for (const one of steps) {
      one.classList.toggle('bk-now', one === step);
      if (one === step) one.setAttribute('aria-current', 'step'); else one.removeAttribute('aria-current');
    }
    drive(step);
  };
  let focused = false;  // a step that a keyboard has reached counts, wherever the page scrolls to for it
  for (const type of ['wheel', 'touchmove']) addEventListener(type, () => { focused = false; }, {passive: true});
  const near = new IntersectionObserver(seen => {
    for (const {isIntersecting, target} of seen) if (isIntersecting && !focused) show(target);
  }, {rootMargin: '-60% 0px -38% 0px'});
  for (const [place, step] of steps.entries()) {
    near.observe(step);
    step.addEventListener('focus', () => { focused = true; show(step); });
    step.addEventListener('blur', () => { focused = false; });
    step.addEventListener('keydown', event => {
      const next = steps[place + ({ArrowDown: 1, ArrowUp: -1}[event.key] || 0)];
      if (event.target !== step || !next || next === step) return;
      event.preventDefault();
      next.focus({preventScroll: true});
      next.scrollIntoView({block: 'center', behavior: behavior()});
    });
  }
  if (stage) {  // a figure that is higher than the window leaves no room for the text that drives it
    const fit = () => stage.classList.toggle('bk-stays', stage.offsetHeight < innerHeight * (innerWidth < 1200 ? 0.66 : 0.95));
    new ResizeObserver(fit).observe(stage);
    addEventListener('resize', fit, {passive: true});
  }
}
