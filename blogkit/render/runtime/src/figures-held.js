// Loaded by pages on which a reader draws: a first stroke wakes its figure, and is held until the script is there that draws it.
for (const input of document.querySelectorAll('.bk-live-input')) {
  const drawing = input.closest('.bk-figure').querySelector('.bk-drawing');
  input.held = [];
  for (const type of ['pointerenter', 'pointerdown', 'pointermove', 'pointerup', 'focusin']) {
    input.addEventListener(type, event => {
      drawing.dispatchEvent(new Event('focus'));
      if (input.held && input.held.length < 500) input.held.push(event);
    }, {passive: true});
  }
}
