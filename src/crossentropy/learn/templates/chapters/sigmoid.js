chapter('sigmoid', {
  start({find, set}) { draggable(find('#sigmoid-curve'), (event) => set({o: find('#sigmoid-curve').figureAt(event)[0]})); },
  draw({data, find, show}, {o, line}) {
    const p = sigmoid(o), straight = 0.5 + o / 4, odds = Math.exp(Math.abs(o)), lined = line === '1';
    plot(find('#sigmoid-curve'), {
      x: [-8, 8], y: lined ? [-0.6, 1.6] : [0, 1],
      xTicks: [-8, -4, 0, 4, 8].map((v) => [v, fixed(v, 0)]),
      yTicks: (lined ? [-0.5, 0, 0.5, 1, 1.5] : [0, 0.25, 0.5, 0.75, 1]).map((v) => [v, fixed(v, 2)]),
      xLabel: 'logit o', yLabel: 'probability',
      lines: [
        {points: data.curve, kind: 'one'},
        ...(lined ? [{points: [[-8, -1.5], [8, 2.5]], kind: 'two'}] : []),
        {points: [[o, -1], [o, p], [-8, p]], kind: 'guide'},
      ],
      marks: [...(lined ? [{x: o, y: straight, kind: 'two', size: 5}] : []), {x: o, y: p, kind: 'one'}],
      told: `The sigmoid curve; at logit ${fixed(o, 2)} the probability is ${fixed(p)}.`,
    });
    find('[data-part="line"]').hidden = !lined;
    show({
      'o-value': fixed(o, 2), p: fixed(p), mirror: fixed(sigmoid(-o)), slope: fixed(p * (1 - p)),
      odds: o >= 0 ? `${figure(odds)} to 1` : `1 to ${figure(odds)}`, straight: fixed(straight, 2),
      'straight-told': straight < 0 || straight > 1 ? 'straight line: no probability' : 'straight line',
    });
  },
});
