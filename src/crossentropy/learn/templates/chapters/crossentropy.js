chapter('crossentropy', {
  draw({root, find, show}, state) {
    const p = share([state.w0, state.w1, state.w2, state.w3]), y = smoothed(Number(state.y), 4, state.smooth);
    const parts = y.map((share, i) => (share > 0 ? -share * Math.log(p[i]) : 0)), total = add(parts);
    const within = entropy(y), beyond = divergence(y, p);
    find('[data-part="rows"]').replaceChildren(...p.map((value, i) => {
      const line = document.createElement('tr');
      if (i === Number(state.y)) line.className = 'chosen';
      for (const text of [`${i}`, fixed(y[i], state.smooth ? 3 : 0), fixed(value, 3), fixed(-Math.log(value)), fixed(parts[i])]) {
        line.insertCell().textContent = text;
      }
      return line;
    }));
    fill(root, 'entropy', within / Math.max(total, 2.5));
    fill(root, 'divergence', beyond / Math.max(total, 2.5));
    find('[data-part="stack"]').setAttribute('aria-label', `Entropy ${fixed(within)} and divergence ${fixed(beyond)} make ${fixed(total)}`);
    show(Object.fromEntries([0, 1, 2, 3].map((i) => [`w${i}-value`, fixed(state[`w${i}`], 2)])));
    show({
      target: `[${y.map((share) => String(Number(share.toFixed(4)))).join(', ')}]`,
      total: fixed(total), entropy: fixed(within), divergence: fixed(beyond), 'smooth-value': fixed(state.smooth, 2),
    });
  },
});
