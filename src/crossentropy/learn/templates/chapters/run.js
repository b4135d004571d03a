chapter('run', {
  start({data, find, set}) {
    draggable(find('#run-curve'), (event) => {
      const at = find('#run-curve').figureAt(event)[0] * (data.rows - 1);
      const far = data.shown.map((row) => Math.abs(row.rank - at));
      set({row: far.indexOf(Math.min(...far))});
    });
  },
  draw({data, find, show}, {row}) {
    const it = data.shown[row], most = data.top, cost = it.loss ?? Infinity, mean = data.loss ?? Infinity, last = Math.max(1, data.rows - 1);
    plot(find('#run-curve'), {
      x: [0, 1], y: [0, most], height: 210,
      xTicks: [0, 0.25, 0.5, 0.75, 1].map((v) => [v, percent(v, 0)]), yTicks: ticks(most),
      xLabel: 'share of the test rows, costliest first', yLabel: 'loss of the row in nats',
      lines: [{points: data.curve, kind: 'one'}, {points: [[0, mean], [1, mean]].filter(() => mean < Infinity), kind: 'two dashed'}],
      marks: [{x: it.rank / last, y: Math.min(most, cost), kind: 'one'}],
      notes: [{x: 1, y: Math.min(mean, most) + 0.05 * most, text: 'the mean', anchor: 'end', kind: 'two'}],
      told: `The losses of the test rows, costliest first. Row number ${it.rank + 1} costs ${figure(cost)} nats.`,
    });
    find('[data-part="image"]').hidden = !it.image;
    if (it.image) image(find('[data-part="image"]'), levelsOf(it.image.levels), it.image.wide, 'The row as a picture');
    drawClasses(find('[data-part="classes"]'), it);
    const cells = Object.entries(it.cells);
    find('[data-part="cells"]').hidden = cells.length === 0;
    find('[data-part="values"]').replaceChildren(...cells.map(([name, value]) => {
      const line = document.createElement('div');
      line.append(document.createElement('dt'), document.createElement('dd'));
      line.firstChild.textContent = name;
      line.lastChild.textContent = value;
      return line;
    }));
    show({
      'row-value': `${row + 1} of ${data.shown.length} shown`, id: it.id, target: it.target, label: it.label,
      rank: `${it.rank + 1} of ${data.rows}`, cost: `−ln${NBSP}${figure(it.p)} = ${figure(cost)}${NBSP}nats`,
    });
  },
});

function drawClasses(body, it) {
  body.replaceChildren(...it.classes.map(({name, p, logit: z, true: right}) => {
    const line = document.createElement('tr'), bar = document.createElement('span');
    if (right) line.className = 'chosen';
    for (const text of [name, z === null ? `${MINUS}∞` : fixed(z, 2), p < 0.001 && p > 0 ? figure(p) : p > 0.9995 && p < 1 ? '> 0.999' : fixed(p, 3)]) line.insertCell().textContent = text;
    bar.style.width = `${100 * p}%`;
    bar.className = 'part';
    line.insertCell().append(bar);
    return line;
  }));
}
