// The formulas of the lesson. Each is compared with the library's, in a browser, over random inputs.
// Losses are in nats; z are logits, p probabilities, y and q distributions over classes, k a class id from 0.

const add = (values) => values.reduce((sum, value) => sum + value, 0);
const argmax = (values) => values.indexOf(Math.max(...values));

function sigmoid(o) {
  // exp of a negative number only: nothing overflows
  const e = Math.exp(-Math.abs(o));
  return o >= 0 ? 1 / (1 + e) : e / (1 + e);
}

function logit(p) { return Math.log(p) - Math.log1p(-p); }

function binaryCrossEntropyWithLogits(o, t) {
  return Math.max(o, 0) - o * t + Math.log1p(Math.exp(-Math.abs(o)));
}

function binaryCrossEntropy(p, t) {
  // a logarithm is at least -100, as in torch, so that 0 * log 0 is 0
  const log = (value) => Math.max(Math.log(value), -100);
  return -(t * log(p) + (1 - t) * log(1 - p));
}

// d/do of (s(o) - t)^2 and of the logistic loss
function squaredGradient(o, t) { const p = sigmoid(o); return 2 * (p - t) * p * (1 - p); }
function logisticGradient(o, t) { return sigmoid(o) - t; }

function logSumExp(z) {
  const most = Math.max(...z);
  return most + Math.log(add(z.map((value) => Math.exp(value - most))));
}

function logSoftmax(z, temperature = 1) {
  const scaled = z.map((value) => value / temperature), all = logSumExp(scaled);
  return scaled.map((value) => value - all);
}

function softmax(z, temperature = 1) { return logSoftmax(z, temperature).map(Math.exp); }

function crossEntropy(z, k) { return -logSoftmax(z)[k]; }

// of a distribution p as it stands, not of logits
function crossEntropyOf(p, q) { return add(q.map((share, i) => (share > 0 ? -share * Math.log(p[i]) : 0))); }
function entropy(q) { return crossEntropyOf(q, q); }
function divergence(q, p) { return crossEntropyOf(p, q) - entropy(q); }

function oneHot(k, classes) { return Array.from({length: classes}, (_, i) => Number(i === k)); }
function smoothed(k, classes, smoothing) {
  return oneHot(k, classes).map((share) => (1 - smoothing) * share + smoothing / classes);
}
function share(weights) { const all = add(weights); return weights.map((weight) => weight / all); }

// of cross-entropy with respect to the logits
function gradient(z, y) { return softmax(z).map((p, i) => p - y[i]); }

// a softmax too many: the loss, its gradient with respect to the logits, and the least value it can take
function crossEntropyTwice(z, k) { return crossEntropy(softmax(z), k); }
function gradientTwice(z, k) {
  const p = softmax(z), outer = gradient(p, oneHot(k, z.length)), along = add(p.map((value, i) => value * outer[i]));
  return p.map((value, i) => value * (outer[i] - along));
}
function floorTwice(classes) { return Math.log1p((classes - 1) / Math.E); }

// expected cost of reporting q for the last of n outcomes (the others share the rest alike) when it comes with
// frequency f, under a cost that looks at the probability of what happened alone
const COSTS = {
  log: (p) => -Math.log(p),
  squared: (p) => (1 - p) ** 2,
  linear: (p) => 1 - p,
};
function expectedCost(kind, f, q, outcomes) {
  const cost = COSTS[kind], other = (1 - q) / (outcomes - 1);
  return (f > 0 ? f * cost(q) : 0) + (f < 1 ? (1 - f) * cost(other) : 0);
}
function bestReport(kind, f, outcomes) {
  const n = outcomes - 1;
  if (kind === 'log') return f;
  if (kind === 'linear') return f > (1 - f) / n ? 1 : 0;
  // f (1 - q)^2 + (1 - f) (1 - (1 - q) / n)^2, where its derivative vanishes
  return Math.min(1, Math.max(0, (f - (1 - f) * (n - 1) / n ** 2) / (f + (1 - f) / n ** 2)));
}

// float16: 11 significant bits, the largest number 65504, steps of 2^-24 below 2^-14
function half(value) {
  if (!Number.isFinite(value) || value === 0) return value;
  const size = Math.abs(value), exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const step = 2 ** (exponent - 10), steps = size / step, low = Math.floor(steps), over = steps - low;
  const even = over > 0.5 || (over === 0.5 && low % 2 === 1) ? low + 1 : low;
  const rounded = even * step;
  return Math.sign(value) * (rounded > 65504 ? Infinity : rounded);
}
function halfSoftmax(z, subtract) {
  const most = subtract ? Math.max(...z.map(half)) : 0;
  const powers = z.map((value) => half(Math.exp(half(half(value) - most))));
  const sum = half(add(powers));
  return {powers, sum, p: powers.map((power) => half(power / sum))};
}

// the figures of many rows at a temperature
function figures(logits, targets, temperature) {
  const rows = logits.map((z) => logSoftmax(z, temperature));
  const right = rows.map((row, i) => argmax(row) === targets[i]);
  const sure = rows.map((row) => Math.exp(Math.max(...row)));
  return {
    loss: add(rows.map((row, i) => -row[targets[i]])) / rows.length,
    accuracy: right.filter(Boolean).length / rows.length,
    bins: reliability(sure, right, 15),
  };
}

// bins of equal mass, equal confidences together; how often each was right, with Wilson's 95 % interval
function reliability(sure, right, most) {
  const sorted = [...sure].sort((a, b) => a - b), step = 1 / most;
  const edges = new Set(Array.from({length: most - 1}, (_, i) => sorted[Math.floor((i + 1) * step * (sorted.length - 1))]));
  const ends = [...edges], bins = Array.from({length: ends.length + 1}, () => ({rows: 0, sure: 0, right: 0}));
  sure.forEach((confidence, i) => {
    const found = ends.findIndex((end) => confidence <= end), bin = bins[found < 0 ? ends.length : found];
    bin.rows += 1; bin.sure += confidence; bin.right += Number(right[i]);
  });
  return bins.filter((bin) => bin.rows).map(({rows, sure: total, right: hits}) => {
    const [low, high] = wilson(hits / rows, rows);
    return {rows, confidence: total / rows, accuracy: hits / rows, low, high};
  });
}
function wilson(p, n) {
  const z = 1.959963984540054, scale = 1 + z * z / n, centre = (p + z * z / (2 * n)) / scale;
  const reach = z / scale * Math.sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return [Math.min(Math.max(0, centre - reach), p), Math.max(Math.min(1, centre + reach), p)];
}

// gradient descent on the mean cross-entropy of a linear layer (K, D + 1), from zero; the losses of all steps
function meanLoss(weight, features, targets) {
  return add(features.map((x, i) => crossEntropy(scores(weight, x), targets[i]))) / features.length;
}
function scores(weight, x) { return weight.map((row) => add(x.map((value, d) => value * row[d])) + row[x.length]); }
function stepDown(weight, features, targets, rate) {
  const slope = weight.map((row) => row.map(() => 0)), classes = weight.length;
  features.forEach((x, i) => {
    gradient(scores(weight, x), oneHot(targets[i], classes)).forEach((g, k) => {
      x.forEach((value, d) => { slope[k][d] += g * value; });
      slope[k][x.length] += g;
    });
  });
  return weight.map((row, k) => row.map((value, d) => value - rate * slope[k][d] / features.length));
}
function descend(features, targets, classes, rate, steps) {
  let weight = Array.from({length: classes}, () => Array(features[0].length + 1).fill(0));
  const losses = [meanLoss(weight, features, targets)];
  for (let step = 0; step < steps; step += 1) {
    weight = stepDown(weight, features, targets, rate);
    losses.push(meanLoss(weight, features, targets));
  }
  return {weight, losses};
}

const maths = {
  sigmoid, logit, binaryCrossEntropyWithLogits, binaryCrossEntropy, squaredGradient, logisticGradient, logSumExp,
  logSoftmax, softmax, crossEntropy, crossEntropyOf, entropy, divergence, oneHot, smoothed, share, gradient,
  crossEntropyTwice, gradientTwice, floorTwice, expectedCost, bestReport, half, halfSoftmax, figures, reliability,
  wilson, meanLoss, scores, descend,
};
