"""`crossentropy learn` in a process of its own, the chapters as they are named elsewhere, and the programs shown."""

import html
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import crossentropy
from crossentropy.errors import ConfigError, OutputError
from crossentropy.learn import CHAPTERS, _code, chapter_address, write_lesson

PACKAGE = Path(crossentropy.__file__).parent
ROOT = PACKAGE.parents[1]
NAMES = [chapter.name for chapter in CHAPTERS]


def command(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", "crossentropy", "learn", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


def test_it_writes_the_lesson_and_opens_it_at_the_chapter(lesson, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    done = command("softmax", "--open", "--json", cwd=tmp_path, BROWSER=str(browser))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == {"lesson": "lesson.html", "address": f"{(tmp_path / 'lesson.html').as_uri()}#softmax"}
    assert (tmp_path / "opened").read_text().strip() == told["address"]
    # another process, the same bytes
    assert (tmp_path / "lesson.html").read_bytes() == lesson.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["softmx"], "The lesson has no chapter 'softmx'. Did you mean 'softmax'?"),
        (["--run", "nowhere"], "nowhere/metrics.json: cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_work(tmp_path, arguments, message):
    done = command(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_only_a_lesson_is_replaced(lesson, tmp_path):
    other = tmp_path / "thesis.html"
    other.write_text("years of work")
    with pytest.raises(OutputError, match="exists already and is no lesson"):
        write_lesson(other)
    assert other.read_text() == "years of work"
    with pytest.raises(OutputError, match="is a folder"):
        write_lesson(tmp_path)
    with pytest.raises(OutputError, match="cannot be written"):
        write_lesson(tmp_path / "no" / "folder" / "lesson.html")
    mine = tmp_path / "lesson.html"
    write_lesson(mine)
    mine.write_text(mine.read_text()[:-100])
    write_lesson(mine)
    assert mine.read_bytes() == lesson.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_chapters_have_addresses():
    assert [chapter_address(name) for name in NAMES] == [f"#{name}" for name in NAMES]
    assert chapter_address(None) == ""
    with pytest.raises(ConfigError, match="no chapter 'Run'"):
        chapter_address("Run")


def test_every_chapter_named_anywhere_exists():
    files = [p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".html")]
    files += [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    named = [
        (file.name, word)
        for file in files
        for word in re.findall(r"crossentropy learn ([a-z]\w*)", file.read_text(encoding="utf-8"))
    ]
    assert {word for _, word in named} <= set(NAMES), named
    assert named
    assert all(re.search(rf"\b{name}\b", (PACKAGE / "cli/_learn.py").read_text()) for name in NAMES)


def test_the_report_sends_to_chapters_that_exist():
    from crossentropy.report import to_html
    from tests.report.summaries import tumours

    found = re.findall(r"<code>crossentropy learn (\w+) --open</code>", to_html(tumours()))
    assert set(found) <= set(NAMES)
    assert len(found) >= 3


@pytest.mark.parametrize("name", ["logits", "softmax_before"])
def test_the_programs_shown_print_what_is_shown_and_torch_prints_the_same(name, lesson):
    program = _code.run_program(name)
    page = html.unescape(lesson.read_text(encoding="utf-8"))
    assert f"<code>{program.source}</code>" in page
    assert f"<code>{program.printed}</code>" in page
    torch = program.source.replace("from crossentropy.losses import", "from torch.nn import")
    assert torch != program.source
    assert _code.run_source(torch) in program.printed
