chapter('classes', {
  draw({root, find, show}, {w0, w1, w2, w3, alone}) {
    const weights = [w0, w1, w2, w3], own = alone === '1';
    const p = own ? weights.map((w) => sigmoid(Math.log(w))) : share(weights), sum = add(p);
    p.forEach((value, i) => fill(root, `p${i}`, value / Math.max(1, sum)));
    find('[data-part="stack"]').setAttribute('aria-label', `Probabilities ${p.map((v) => percent(v)).join(', ')}`);
    find('[data-part="stack"]').classList.toggle('apart', own);
    show(Object.fromEntries(weights.flatMap((w, i) => [[`w${i}-value`, fixed(w, 1)], [`p${i}`, percent(p[i])]])));
    show({
      sum: own
        ? `${p.map((v) => fixed(v, 3)).join(' + ')} = ${fixed(sum, 3)}: four questions, four answers`
        : `${p.map((v) => fixed(v, 3)).join(' + ')} = ${fixed(sum, 3)}`,
    });
  },
});
