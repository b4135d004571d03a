chapter('reading', {
  draw({data, root, find, show}, {heat}) {
    const now = figures(data.logits, data.targets, heat), blind = Math.log(10);
    fill(root, 'loss', now.loss / blind);
    find('[data-fill-left="known"]').style.left = `${100 * data.frequencies / blind}%`;
    plot(find('#reading-bins'), {
      x: [0, 1], y: [0, 1], height: 320,
      xTicks: [0, 0.25, 0.5, 0.75, 1].map((v) => [v, percent(v, 0)]), yTicks: [0, 0.25, 0.5, 0.75, 1].map((v) => [v, percent(v, 0)]),
      xLabel: 'how sure it said it was', yLabel: 'how often it was right',
      lines: [
        {points: [[0, 0], [1, 1]], kind: 'plain dashed'},
        ...now.bins.map((bin) => ({points: [[bin.confidence, bin.low], [bin.confidence, bin.high]], kind: 'whisker'})),
      ],
      marks: now.bins.map((bin) => ({x: bin.confidence, y: bin.accuracy, kind: 'one', size: 5})),
      told: `How often the model was right against how sure it was, at temperature ${fixed(heat, 2)}.`,
    });
    show({
      'heat-value': fixed(heat, 2), nats: fixed(now.loss), bits: fixed(now.loss / Math.LN2),
      perplexity: fixed(Math.exp(now.loss), 2), accuracy: percent(now.accuracy),
    });
  },
});
