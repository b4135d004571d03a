chapter('loss', {
  start({find, set}) {
    draggable(find('#loss-curve'), (event) => {
      const x = find('#loss-curve').figureAt(event)[0], over = find('[name="over"]:checked').value;
      set({o: over === 'o' ? x : logit(Math.min(0.9997, Math.max(0.0003, x)))});
    });
    draggable(find('#loss-honest'), (event) => set({q: find('#loss-honest').figureAt(event)[0]}));
  },
  draw(view, state) { drawLoss(view, state); drawHonesty(view, state); },
});

function drawLoss({data, find, show}, {t, o, over, squared}) {
  const truth = Number(t), p = sigmoid(o), given = truth ? p : 1 - p, loss = binaryCrossEntropyWithLogits(o, truth);
  const byLogit = over === 'o', both = squared === '1', place = byLogit ? o : p;
  const error = (x) => (truth - (byLogit ? sigmoid(x) : x)) ** 2;
  const curve = byLogit ? data.over_o[t] : data.over_p[t];
  plot(find('#loss-curve'), {
    x: byLogit ? [-8, 8] : [0, 1], y: byLogit ? [0, 8] : [0, 5],
    xTicks: (byLogit ? [-8, -4, 0, 4, 8] : [0, 0.25, 0.5, 0.75, 1]).map((v) => [v, fixed(v, byLogit ? 0 : 2)]),
    yTicks: (byLogit ? [0, 2, 4, 6, 8] : [0, 1, 2, 3, 4, 5]).map((v) => [v, `${v}`]),
    xLabel: byLogit ? 'logit o' : 'probability p of 1', yLabel: 'loss in nats',
    lines: [
      {points: curve, kind: 'one'},
      ...(both ? [{points: along(byLogit ? -8 : 0, byLogit ? 8 : 1, 100, error), kind: 'two'}] : []),
      {points: [[place, 0], [place, loss]], kind: 'guide'},
    ],
    marks: [...(both ? [{x: place, y: error(place), kind: 'two', size: 5}] : []), {x: place, y: loss, kind: 'one'}],
    told: `The loss for truth ${t}; at probability ${fixed(p)} it is ${fixed(loss)} nats.`,
  });
  find('[data-part="squared"]').hidden = !both;
  show({
    'o-value': fixed(o, 2), p: fixed(p), logistic: fixed(logisticGradient(o, truth)),
    slope: fixed(squaredGradient(o, truth)),
    sum: `It was ${t}, and the model gave that ${fixed(given)}: −ln${NBSP}${fixed(given)}${NBSP}=${NBSP}${fixed(loss)}${NBSP}nats`,
  });
}

function drawHonesty({find, show}, {game, cost, f, q}) {
  const outcomes = Number(game), average = (x) => expectedCost(cost, f, x, outcomes), best = bestReport(cost, f, outcomes);
  const top = cost === 'log' ? 3 : 1, name = outcomes === 2 ? 'heads' : 'a six';
  plot(find('#loss-honest'), {
    x: [0, 1], y: [0, top], height: 250,
    xTicks: [0, 0.25, 0.5, 0.75, 1].map((v) => [v, fixed(v, 2)]), yTicks: ticks(top),
    xLabel: `the probability q you say for ${name}`, yLabel: 'average cost',
    lines: [
      {points: along(0.002, 0.998, 166, average), kind: 'one'},
      {points: [[f, 0], [f, top]], kind: 'two dashed'},
      {points: [[q, 0], [q, average(q)]], kind: 'guide'},
    ],
    marks: [{x: best, y: average(Math.min(0.9999, Math.max(0.0001, best))), kind: 'hollow', size: 9}, {x: q, y: average(q), kind: 'one'}],
    notes: [{x: f + (f > 0.75 ? -0.012 : 0.012), y: top * 0.94, text: 'the truth', anchor: f > 0.75 ? 'end' : 'start', kind: 'two'}],
    told: `Average cost of saying q; cheapest at ${fixed(best, 2)}, the true frequency is ${fixed(f, 2)}.`,
  });
  const honest = Math.abs(best - f) < 1e-9;
  show({
    'f-value': fixed(f, 2), 'q-value': fixed(q, 2),
    verdict: `You say ${fixed(q, 2)} and pay ${fixed(average(q), 3)} on average. Cheapest is ${fixed(best, 2)}: ${honest ? 'the truth' : 'a lie'}.`,
  });
}
