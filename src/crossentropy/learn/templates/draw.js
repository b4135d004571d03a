// Numbers as words, and the two kinds of pictures: curves (SVG, drawn at the size it has) and grey images.

const MINUS = '\u2212', NBSP = '\u00a0';

function fixed(value, digits = 4) {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : `${MINUS}∞`;
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? MINUS : '') + text;
}
// three significant digits, for what has no natural scale
function figure(value) {
  if (!Number.isFinite(value) || value === 0) return fixed(value, 0);
  const power = Math.floor(Math.log10(Math.abs(value)));
  if (power < -4 || power > 5) return value.toExponential(1).replace('-', MINUS).replace('e+', 'e').replace('e-', `e${MINUS}`);
  return fixed(value, Math.max(0, 2 - power));
}
// never 0 or 100 for what is merely close to it
function percent(share, digits = 1) {
  if (share > 0 && share < 0.0005) return `under${NBSP}0.1${NBSP}%`;
  if (share < 1 && share >= 0.9995) return `over${NBSP}99.9${NBSP}%`;
  return `${fixed(100 * share, digits)}${NBSP}%`;
}

const SPACE = 'http://www.w3.org/2000/svg';

function element(parent, name, attributes = {}, text = '') {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

// Axes, curves and points. `place` maps figures to pixels and `figureAt` maps a pointer back.
// {x: [from, to], y: [from, to], height, xTicks, yTicks: [[value, label]], xLabel, yLabel,
//  areas, lines: [{points, kind}], marks: [{x, y, kind, size}], notes: [{x, y, text, anchor, kind}], told}
function plot(svg, it) {
  const width = Math.max(svg.clientWidth, 200), height = it.height ?? Math.round(Math.min(340, Math.max(220, width * 0.56)));
  const edge = {left: it.left ?? 46, right: 12, top: 28, bottom: it.xLabel ? 44 : 26};
  const across = (x) => edge.left + (x - it.x[0]) / (it.x[1] - it.x[0]) * (width - edge.left - edge.right);
  const down = (y) => height - edge.bottom - (y - it.y[0]) / (it.y[1] - it.y[0]) * (height - edge.top - edge.bottom);
  svg.replaceChildren();
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('height', height);
  svg.setAttribute('aria-label', it.told);
  const clip = `${svg.id}-clip`;
  const box = element(element(svg, 'clipPath', {id: clip}), 'rect');
  for (const [key, value] of Object.entries({x: edge.left - 1, y: edge.top - 7, width: width - edge.left - edge.right + 2, height: height - edge.top - edge.bottom + 8})) box.setAttribute(key, value);
  for (const [value, label] of it.yTicks) {
    element(svg, 'line', {class: 'grid', x1: edge.left, x2: width - edge.right, y1: down(value), y2: down(value)});
    element(svg, 'text', {class: 'tick', x: edge.left - 6, y: down(value) + 4, 'text-anchor': 'end'}, label);
  }
  for (const [value, label] of it.xTicks) {
    const [first, last] = [it.xTicks[0][0], it.xTicks.at(-1)[0]];
    const anchor = value === last && across(value) > width - 30 ? 'end' : value === first && across(value) < 12 ? 'start' : 'middle';
    element(svg, 'line', {class: 'grid', x1: across(value), x2: across(value), y1: edge.top, y2: height - edge.bottom});
    element(svg, 'text', {class: 'tick', x: anchor === 'end' ? width - 2 : across(value), y: height - edge.bottom + 17, 'text-anchor': anchor}, label);
  }
  if (it.yLabel) element(svg, 'text', {class: 'label', x: 2, y: 13}, it.yLabel);
  if (it.xLabel) element(svg, 'text', {class: 'label', x: width - edge.right, y: height - 5, 'text-anchor': 'end'}, it.xLabel);
  const inside = element(svg, 'g', {'clip-path': `url(#${clip})`});
  for (const cell of it.cells ?? []) {
    element(inside, 'rect', {class: cell.kind, x: across(cell.x), y: down(cell.y + cell.height), width: across(cell.x + cell.width) - across(cell.x), height: down(cell.y) - down(cell.y + cell.height), 'fill-opacity': cell.depth});
  }
  for (const {points, kind} of it.lines ?? []) {
    element(inside, 'polyline', {class: `curve ${kind}`, points: points.map(([x, y]) => `${across(x).toFixed(2)},${down(y).toFixed(2)}`).join(' ')});
  }
  for (const {x, y, kind, size} of it.marks ?? []) {
    element(svg, 'circle', {class: `mark ${kind}`, cx: across(x), cy: Math.min(Math.max(down(y), edge.top - 6), height - edge.bottom), r: size ?? 7});
  }
  for (const {x, y, text, anchor, kind} of it.notes ?? []) {
    element(svg, 'text', {class: `note ${kind ?? ''}`, x: across(x), y: down(y), 'text-anchor': anchor ?? 'start'}, text);
  }
  const within = (value, [from, to]) => Math.min(to, Math.max(from, value));
  svg.figureAt = (event) => {
    const seen = svg.getBoundingClientRect();
    const x = it.x[0] + (event.clientX - seen.left - edge.left) / (width - edge.left - edge.right) * (it.x[1] - it.x[0]);
    const y = it.y[1] - (event.clientY - seen.top - edge.top) / (height - edge.top - edge.bottom) * (it.y[1] - it.y[0]);
    return [within(x, it.x), within(y, it.y)];
  };
}

// Pointer (mouse, pen, finger) held down on a picture: `moved` gets the figures under it. A finger that moves up or
// down scrolls the page instead, unless the picture says otherwise in its style.
function draggable(target, moved) {
  let held = false;
  target.addEventListener('pointerdown', (event) => {
    held = true;
    target.setPointerCapture(event.pointerId);
    moved(event);
  });
  target.addEventListener('pointermove', (event) => { if (held) moved(event); });
  for (const name of ['pointerup', 'pointercancel']) target.addEventListener(name, () => { held = false; });
}

// round numbers from 0 up to `most`, four or five of them
function ticks(most) {
  const unit = 10 ** Math.floor(Math.log10(most / 4)), step = unit * [1, 2, 2.5, 5, 10].find((times) => most / (times * unit) < 5);
  return Array.from({length: Math.floor(most / step + 1e-9) + 1}, (_, i) => [i * step, String(Number((i * step).toPrecision(3)))]);
}

function along(from, to, count, curve) {
  return Array.from({length: count + 1}, (_, i) => { const x = from + (to - from) * i / count; return [x, curve(x)]; });
}

// grey levels in [0, 1], row by row, on a canvas of as many pixels; the style makes it large
function image(canvas, levels, wide, told) {
  const high = levels.length / wide, pen = canvas.getContext('2d');
  canvas.width = wide;
  canvas.height = high;
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', told);
  const picture = pen.createImageData(wide, high);
  levels.forEach((level, i) => { picture.data.set([level, level, level].map((v) => Math.round(255 * v)).concat(255), 4 * i); });
  pen.putImageData(picture, 0, 0);
}
const levelsOf = (text) => [...text].map((character) => parseInt(character, 17) / 16);

function fill(root, name, width) {
  for (const bar of root.querySelectorAll(`[data-fill="${name}"]`)) bar.style.width = `${(100 * Math.min(1, Math.max(0, width))).toFixed(3)}%`;
}
