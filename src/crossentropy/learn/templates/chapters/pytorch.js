chapter('pytorch', {
  start({find, set}) {
    draggable(find('#pytorch-curve'), (event) => set({step: Math.round(find('#pytorch-curve').figureAt(event)[0])}));
  },
  draw({data, find, all, show}, {twice, step, z, k}) {
    const name = twice === '1' ? 'softmax' : 'logits', now = data[name], floor = floorTwice(10);
    const points = (which) => data[which].loss.map((loss, i) => [i, loss]);
    plot(find('#pytorch-curve'), {
      x: [0, data.steps], y: [0, 2.5],
      xTicks: [0, 50, 100, 150].map((v) => [v, `${v}`]), yTicks: [0, 0.5, 1, 1.5, 2, 2.5].map((v) => [v, fixed(v, 1)]),
      xLabel: 'training steps on images of digits', yLabel: 'loss in nats',
      lines: [
        {points: [[0, floor], [data.steps, floor]], kind: 'two dashed'},
        {points: points(name === 'logits' ? 'softmax' : 'logits'), kind: 'faint'},
        {points: points(name), kind: name === 'logits' ? 'one' : 'two'},
      ],
      marks: [{x: step, y: now.loss[step], kind: name === 'logits' ? 'one' : 'two'}],
      notes: [
        {x: data.steps, y: floor - 0.24, text: `the floor ${fixed(floor)}`, anchor: 'end', kind: 'two'},
      ],
      told: `Training loss with ${name === 'logits' ? 'logits' : 'a softmax'} before the loss: ${fixed(now.loss[step])} at step ${step}.`,
    });
    for (const part of all('[data-program]')) part.hidden = (part.dataset.program === 'logits') === (twice === '1');
    const row = [z, ...Array(k - 1).fill(0)];
    show({
      'step-value': `${step}`, loss: fixed(now.loss[step]), accuracy: percent(now.accuracy[step]), slope: fixed(now.gradient[step], 3),
      'z-value': fixed(z, 1), 'k-value': `${k}`,
      once: figure(crossEntropy(row, 0)), 'once-slope': figure(gradient(row, oneHot(0, k))[0]),
      'twice-loss': fixed(crossEntropyTwice(row, 0)), 'twice-slope': figure(gradientTwice(row, 0)[0]), floor: fixed(floorTwice(k)),
    });
  },
});
