const MOST_STEPS = 200, CLASSES = 3;

chapter('gradient', {
  timer: 0,
  start(view) {
    const {data, find, set} = view;
    find('[data-do="step"]').addEventListener('click', () => { stop(view); view.set({n: view.state.n + 1}); });
    find('[data-do="reset"]').addEventListener('click', () => { stop(view); view.set({n: 0}); });
    find('[data-do="play"]').addEventListener('click', () => (view.timer ? stop(view) : play(view)));
    draggable(find('#gradient-map'), (event) => {
      const [x, y] = find('#gradient-map').figureAt(event);
      const far = data.features.map(([a, b]) => (a - x) ** 2 + (b - y) ** 2);
      set({wine: far.indexOf(Math.min(...far))});
    });
  },
  leave: stop,
  draw(view, state) {
    const {data} = view, run = runAt(view, state.rate), weight = run.weights[state.n];
    drawMap(view, weight, state);
    drawFall(view, run.losses, state);
    drawWine(view, weight, state);
    view.show({'n-value': `${state.n}`, 'rate-value': fixed(state.rate, 1), 'wine-value': `${state.wine} of ${data.targets.length}`});
  },
});

function play(view) {
  if (view.state.n >= MOST_STEPS) view.set({n: 0});
  // whoever wants less motion gets the end of it at once
  if (still.matches) { view.set({n: Math.min(MOST_STEPS, view.state.n + 50)}); return; }
  view.find('[data-do="play"]').textContent = 'Pause';
  view.timer = setInterval(() => {
    view.set({n: view.state.n + 1});
    if (view.state.n >= MOST_STEPS) stop(view);
  }, 90);
}

function stop(view) {
  clearInterval(view.timer);
  view.timer = 0;
  view.find('[data-do="play"]').textContent = 'Play';
}

// the weights and losses of every step at one learning rate, computed once
function runAt(view, rate) {
  if (view.run?.rate !== rate) {
    const {features, targets} = view.data;
    let weight = Array.from({length: CLASSES}, () => [0, 0, 0]);
    const weights = [weight], losses = [meanLoss(weight, features, targets)];
    for (let n = 0; n < MOST_STEPS; n += 1) {
      weight = stepDown(weight, features, targets, rate);
      weights.push(weight);
      losses.push(meanLoss(weight, features, targets));
    }
    view.run = {rate, weights, losses};
  }
  return view.run;
}

function drawMap({data, find}, weight, {wine, n}) {
  const [x, y] = [[-2.6, 2.5], [-1.9, 3.7]], wide = 51, high = 36, cells = [];
  const size = [(x[1] - x[0]) / wide, (y[1] - y[0]) / high];
  for (let i = 0; i < wide && n; i += 1) {
    for (let j = 0; j < high; j += 1) {
      const at = [x[0] + i * size[0], y[0] + j * size[1]];
      const p = softmax(scores(weight, [at[0] + size[0] / 2, at[1] + size[1] / 2])), k = argmax(p);
      cells.push({x: at[0], y: at[1], width: size[0], height: size[1], kind: `ground c${k}`, depth: (0.04 + 0.42 * (p[k] - 1 / 3)).toFixed(3)});
    }
  }
  // the model sees standardised numbers, the axes show the measured ones
  const ticks = (d, values) => values.map((value) => [(value - data.middle[d]) / data.spread[d], `${value}`]);
  plot(find('#gradient-map'), {
    x, y, left: 26, cells,
    xTicks: ticks(0, [11, 12, 13, 14, 15]), yTicks: ticks(1, [2, 4, 6, 8, 10, 12]),
    xLabel: 'alcohol, % by volume', yLabel: 'depth of colour',
    marks: [
      ...data.features.map(([a, b], i) => ({x: a, y: b, kind: `wine c${data.targets[i]}`, size: 3.5})),
      {x: data.features[wine][0], y: data.features[wine][1], kind: 'hollow', size: 8},
    ],
    told: `The wines and the classes the model gives them after ${n} steps. Wine ${wine} is marked.`,
  });
}

function drawFall({data, find}, losses, {n}) {
  plot(find('#gradient-loss'), {
    x: [0, MOST_STEPS], y: [0, 2], height: 200,
    xTicks: [0, 50, 100, 150, 200].map((v) => [v, `${v}`]), yTicks: [0, 0.5, 1, 1.5, 2].map((v) => [v, fixed(v, 1)]),
    xLabel: 'steps', yLabel: 'mean loss in nats',
    lines: [
      {points: [[0, data.minimum], [MOST_STEPS, data.minimum]], kind: 'two dashed'},
      {points: losses.slice(0, n + 1).map((loss, i) => [i, loss]), kind: 'one'},
    ],
    marks: [{x: n, y: losses[n], kind: 'one', size: 6}],
    notes: [
      {x: MOST_STEPS, y: data.minimum - 0.22, text: `least: ${fixed(data.minimum)}`, anchor: 'end', kind: 'two'},
      {x: MOST_STEPS, y: 1.7, text: `after ${n} steps: ${fixed(losses[n])}`, anchor: 'end', kind: 'strong'},
    ],
    told: `After ${n} steps the mean loss is ${fixed(losses[n])} nats; the least possible is ${fixed(data.minimum)}.`,
  });
}

function drawWine({data, find, show}, weight, {wine}) {
  const z = scores(weight, data.features[wine]), k = data.targets[wine], y = oneHot(k, CLASSES), p = softmax(z);
  const slope = gradient(z, y);
  show({'wine-told': `Wine ${wine} is from grower ${k}; its own loss is ${fixed(crossEntropy(z, k))} nats`});
  find('[data-part="bars"]').replaceChildren(...slope.map((g, i) => {
    const line = document.createElement('tr');
    for (const text of [`${i}`, fixed(p[i], 3), `${y[i]}`, fixed(g, 3)]) line.insertCell().textContent = text;
    const cell = line.insertCell(), bar = document.createElement('span'), word = document.createElement('i');
    cell.className = `signed ${g < 0 ? 'rises' : 'falls'}`;
    bar.style.width = `${50 * Math.abs(g)}%`;
    word.textContent = Math.abs(g) < 5e-4 ? 'stay' : g < 0 ? 'rise' : 'fall';
    cell.append(bar, word);
    return line;
  }));
}
