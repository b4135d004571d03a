const SIDE = 8;

chapter('classifier', {
  at: 0,
  start(view) {
    const {find, form} = view, board = find('.board');
    // the pixels turned over belong to one image
    form.elements.at.addEventListener('input', () => { form.elements.ink.value = ''; });
    find('canvas').addEventListener('click', (event) => {
      const seen = event.target.getBoundingClientRect();
      const [x, y] = [(event.clientX - seen.left) / seen.width, (event.clientY - seen.top) / seen.height];
      turnOver(view, SIDE * Math.min(SIDE - 1, Math.floor(SIDE * y)) + Math.min(SIDE - 1, Math.floor(SIDE * x)));
    });
    board.addEventListener('keydown', (event) => {
      const [row, column] = [Math.floor(view.at / SIDE), view.at % SIDE];
      const moved = {ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1]}[event.key];
      if (event.key === ' ' || event.key === 'Enter') turnOver(view, view.at);
      else if (moved) view.at = SIDE * ((moved[0] + SIDE) % SIDE) + (moved[1] + SIDE) % SIDE;
      else return;
      event.preventDefault();
      place(view);
    });
    board.addEventListener('focus', () => place(view));
  },
  draw({data, find, show, root}, {at, truth, ink}) {
    const levels = levelsOf(data.images[at]), digit = data.digits[at];
    for (const pixel of inked(ink)) levels[pixel] = levels[pixel] < 0.5 ? 1 : 0;
    const o = add(levels.map((level, i) => level * data.weight[i])) + data.bias, p = sigmoid(o);
    image(find('[data-part="image"]'), levels, SIDE, `Image ${at + 1}: a handwritten digit of 8 by 8 pixels`);
    fill(root, 'p', p);
    const told = truth === '1' ? `It was written as ${digit === 8 ? 'an' : 'a'} ${digit}.` : 'What do you say?';
    show({
      p: percent(p),
      logit: fixed(o, 2),
      'at-value': `${at + 1} of ${data.images.length}`,
      truth: ink ? `${told} You have turned over ${inked(ink).length} of its pixels.` : told,
    });
  },
});

function inked(ink) { return ink ? ink.split('.').map(Number).filter((pixel) => pixel < SIDE * SIDE) : []; }

function turnOver(view, pixel) {
  const pixels = new Set(inked(view.state.ink));
  if (!pixels.delete(pixel)) pixels.add(pixel);
  view.set({ink: [...pixels].sort((a, b) => a - b).join('.')});
}

function place(view) {
  const cursor = view.find('[data-part="cursor"]');
  cursor.style.left = `${100 * (view.at % SIDE) / SIDE}%`;
  cursor.style.top = `${100 * Math.floor(view.at / SIDE) / SIDE}%`;
}
