chapter('softmax', {
  start(view) {
    for (const bar of view.all('[data-bar]')) {
      draggable(bar, (event) => {
        const seen = bar.querySelector('.meter').getBoundingClientRect(), {state} = view;
        const p = Math.min(0.995, Math.max(0.005, (event.clientX - seen.left) / seen.width));
        const k = Number(bar.dataset.bar), others = zed(state).filter((_, i) => i !== k);
        // the logit at which this class has probability p while the others stay
        view.set({[`z${k}`]: state.heat * (logit(p) + logSumExp(others.map((z) => z / state.heat))) - state.add});
      });
    }
  },
  draw({root, find, all, show}, state) {
    const z = zed(state), p = softmax(z, state.heat), two = state.k === '2';
    for (const row of all('[data-row]')) row.hidden = Number(row.dataset.row) >= z.length;
    p.forEach((value, i) => fill(root, `p${i}`, value));
    show(Object.fromEntries(p.flatMap((value, i) => [[`p${i}`, percent(value)], [`z${i}-value`, fixed(state[`z${i}`], 1)]])));
    show({
      'add-value': fixed(state.add, 1), 'heat-value': fixed(state.heat, 1),
      sum: two
        ? `p₁ = ${fixed(p[1])}, and s((z₁ − z₀) / T) = s(${fixed((z[1] - z[0]) / state.heat, 2)}) = ${fixed(sigmoid((z[1] - z[0]) / state.heat))}`
        : `${p.map((v) => fixed(v, 3)).join(' + ')} = ${fixed(add(p), 3)}`,
    });
    find('[data-part="half"]').hidden = state.half !== '1';
    if (state.half === '1') drawHalf(find('[data-part="working"]'), z.map((value) => value / state.heat), state.most === '1');
  },
});

function zed(state) {
  return [state.z0, state.z1, state.z2, state.z3].slice(0, Number(state.k)).map((z) => z + state.add);
}

function drawHalf(body, z, subtract) {
  const {powers, p} = halfSoftmax(z, subtract), most = subtract ? Math.max(...z.map(half)) : 0;
  body.replaceChildren(...z.map((value, i) => {
    const line = document.createElement('tr');
    for (const text of [`${i}`, fixed(half(half(value) - most), 2), figure(powers[i]), fixed(p[i])]) {
      const cell = line.insertCell();
      cell.textContent = text;
      cell.classList.toggle('wrong', text === 'nan' || text === '∞');
    }
    return line;
  }));
}
