// Chapters, their state, and the address. A chapter's state is the values of the named controls in its form: the form
// says what they are, their limits and their defaults, and nothing else is ever taken from an address.

const figuresOfPage = JSON.parse(document.getElementById('figures').textContent);
const still = matchMedia('(prefers-reduced-motion: reduce)');
const chapters = {};

function chapter(name, definition) {
  const root = document.getElementById(name), form = root.querySelector('form');
  const view = {
    root, form, data: figuresOfPage[name], started: false,
    get state() { return stateOf(form); },
    set(changes) { if (apply(form, changes)) refresh(name); },
    show(texts) {
      for (const [key, text] of Object.entries(texts)) for (const place of root.querySelectorAll(`[data-show="${key}"]`)) place.textContent = text;
    },
    find: (selector) => root.querySelector(selector),
    all: (selector) => [...root.querySelectorAll(selector)],
    ...definition,
  };
  chapters[name] = view;
  view.defaults = stateOf(form);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('input', () => refresh(name));
  for (const button of view.all('button[data-set]')) {
    button.addEventListener('click', () => view.set(Object.fromEntries(new URLSearchParams(button.dataset.set))));
  }
}

function stateOf(form) {
  const state = {};
  for (const control of form.elements) {
    if (!control.name || control.disabled) continue;
    if (control.type === 'radio') { if (control.checked) state[control.name] = control.value; }
    else if (control.type === 'checkbox') state[control.name] = control.checked ? '1' : '0';
    else if (control.type === 'hidden') state[control.name] = control.value;
    else state[control.name] = Math.round(1e4 * Number(control.value)) / 1e4;
  }
  return state;
}

// A range takes only numbers within its limits (the browser sees to it), a radio only its own values, and what is
// hidden only what has the form it declares.
function apply(form, changes) {
  const before = JSON.stringify(stateOf(form));
  for (const control of form.elements) {
    if (!control.name || control.disabled || !(control.name in changes)) continue;
    const value = String(changes[control.name]);
    if (control.type === 'radio') { if (control.value === value) control.checked = true; }
    else if (control.type === 'checkbox') control.checked = value === '1';
    else if (control.type === 'hidden') { if (new RegExp(`^(?:${control.dataset.form})$`).test(value)) control.value = value; }
    else if (value.trim() !== '' && Number.isFinite(Number(value))) control.value = value;
  }
  return JSON.stringify(stateOf(form)) !== before;
}

function address(name) {
  const {defaults, state} = chapters[name];
  const changed = Object.entries(state).filter(([key, value]) => value !== defaults[key]);
  return `#${name}${changed.length ? '?' : ''}${changed.map(([key, value]) => `${key}=${value}`).join('&')}`;
}

// links to a chapter lead to it as it is
function point(name) {
  for (const link of document.querySelectorAll(`a[data-chapter="${name}"]`)) link.setAttribute('href', address(name));
}

let shown = '', writing = 0;

function refresh(name) {
  const view = chapters[name];
  if (name === shown) view.draw(view, view.state);
  point(name);
  // the address follows a moment later: browsers limit how often it may change
  clearTimeout(writing);
  writing = setTimeout(() => {
    // a link may have been followed in the meantime, and its event not yet have come
    if (shown === name && chapterAt(location.hash) === name) history.replaceState(null, '', address(name));
  }, 120);
}

function chapterAt(place) {
  const name = place.replace(/^#/, '').split('?')[0];
  return Object.hasOwn(chapters, name) ? name : Object.keys(chapters)[0];
}

function open(place, focus) {
  const found = chapterAt(place), query = place.split('?')[1], view = chapters[found];
  if (shown && shown !== found) chapters[shown].leave?.(chapters[shown]);
  shown = found;
  for (const [other, {root}] of Object.entries(chapters)) root.hidden = other !== found;
  for (const link of document.querySelectorAll('nav a[data-chapter]')) {
    if (link.dataset.chapter === found) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
  }
  apply(view.form, {...view.defaults, ...Object.fromEntries(new URLSearchParams(query ?? ''))});
  point(found);
  if (!view.started) { view.started = true; view.start?.(view); }
  document.title = `${view.root.querySelector('h2').textContent} · ${document.body.dataset.title}`;
  view.draw(view, view.state);
  if (focus) { scrollTo(0, 0); view.root.querySelector('h2').focus({preventScroll: true}); }
}

function begin() {
  document.documentElement.classList.add('live');
  addEventListener('hashchange', () => open(location.hash, true));
  let width = innerWidth;
  addEventListener('resize', () => {
    if (innerWidth !== width) { width = innerWidth; chapters[shown].draw(chapters[shown], chapters[shown].state); }
  });
  open(location.hash, false);
  document.getElementById('agreement').textContent = agreement();
}

// What the library computed when the page was built is computed once more, here and now.
function agreement() {
  const worst = figuresOfPage.checks.map(({name, given, value}) => {
    const found = [maths[name](...given)].flat(), wanted = [value].flat();
    return Math.max(...wanted.map((want, i) => Math.abs(found[i] - want)));
  });
  const most = Math.max(...worst);
  return `When this page was built, the library computed ${worst.length} values of the formulas in it. Your browser has just computed them again: the largest difference is ${most === 0 ? '0' : figure(most)}.`;
}
