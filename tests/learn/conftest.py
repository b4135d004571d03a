"""One browser and one page for all tests of the lesson."""

import pytest

from crossentropy.learn import write_lesson
from tests.browser import chromium


@pytest.fixture(scope="package")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def lesson(tmp_path_factory):
    return write_lesson(tmp_path_factory.mktemp("lesson") / "lesson.html")


class Reader:
    """A person before the page: opens chapters, and remembers every complaint and every request."""

    def __init__(self, page, file):
        self.page, self.file, self.complaints, self.requests = page, file, [], []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, place=""):
        """Load the page anew at a place such as `loss?t=0`."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.file.as_uri()}#{place}")
        return self

    def chapter(self):
        return self.page.locator("section.chapter:visible").get_attribute("id")

    def said(self, name):
        """The text that the chapter in view shows under a name."""
        return self.page.locator(f"section.chapter:visible [data-show='{name}']").first.inner_text()

    def control(self, name):
        return self.page.locator(f"section.chapter:visible input[name='{name}']")

    def choose(self, name, value):
        """Click the label of a choice."""
        option = self.page.locator(
            f"section.chapter:visible label:has(input[name='{name}'][value='{value}'])"
        )
        option.click()
        assert option.locator("input").is_checked()

    def slide(self, name, value):
        """Move a slider as a drag does: set it and let the page know."""
        self.control(name).evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', {bubbles: true})); }",
            str(value),
        )

    def keys(self, name, key, times=1):
        """Press a key on a control that has the focus, as a person without a mouse does."""
        control = self.control(name)
        (control.and_(self.page.locator(":checked")) if control.count() > 1 else control).focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def pull(self, selector, start, end):
        """Press the mouse on a picture at a share of its width and height, and move it."""
        target = self.page.locator(f"section.chapter:visible {selector}")
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
        self.page.mouse.move(*at[0])
        self.page.mouse.down()
        self.page.mouse.move(*at[1], steps=4)
        self.page.mouse.up()

    def address(self):
        """The part of the address after the file, once it has settled."""
        self.page.wait_for_timeout(180)
        return self.page.url.partition("#")[2]


@pytest.fixture(scope="module")
def shared(browser, lesson):
    """One tab for all tests of a module; at the end nothing may have been fetched or complained about."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, has_touch=True)
    reader = Reader(context.new_page(), lesson)
    yield reader
    context.close()
    assert reader.complaints == []
    assert {url.partition("#")[0] for url in reader.requests} <= {lesson.as_uri(), "about:blank"}


@pytest.fixture
def reader(shared):
    return shared.open()
