"""How the tests of pages start Chromium, and what they ask it about every page."""

from __future__ import annotations

from contextlib import contextmanager

from playwright.sync_api import sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# Every text of the page against what is painted behind it: WCAG contrast. Colours are read back from a canvas, so
# that color-mix() and var() need no parser of ours.
CONTRAST = """() => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    context.clearRect(0, 0, 1, 1); context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const behind = element => {
    if (!element) return rgba(getComputedStyle(document.body).backgroundColor);
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(element.parentElement));
  };
  const light = c => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest('title')) continue;
    const style = getComputedStyle(element), back = behind(element);
    const ink = over(rgba(element.closest('svg') ? style.fill : style.color), back);
    const [a, b] = [luminance(ink), luminance(back)].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), node.data.trim().slice(0, 40), element.tagName]);
  }
  return found;
}"""

OVERFLOW = """() => [...document.querySelectorAll('body *')]
  .filter(e => !(e.closest('.scroll') && !e.matches('.scroll')))
  .filter(e => { const box = e.getBoundingClientRect(); return box.right > innerWidth + 0.5 || box.left < -0.5; })
  .filter(e => !e.closest('.unseen'))
  .map(e => `${e.tagName} ${e.getAttribute('class') || ''} ${e.textContent.trim().slice(0, 30)}`)"""


@contextmanager
def chromium():
    """Debian's own browser, without anything of it that would use the network."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield browser
        browser.close()
