"""The lesson: one offline page that explains the loss by things to move, every number of it computed by this library.

_chapters.py   the ten chapters and the words that name them
_page.py       templates, script and figures put together into one file
_figures.py    the numbers in the text, and those that the page computes again
_models.py     the models that the page shows: digits, wines, and a loss with a softmax too many
_code.py       the programs that the page shows, run when it is built
_run.py        one's own run, read from its folder
code/          those programs
templates/     the page, its style and its script; for each chapter a text and a script
"""

from crossentropy.learn._chapters import CHAPTERS, Chapter, chapter_address
from crossentropy.learn._page import lesson_page, write_lesson

__all__ = ["CHAPTERS", "Chapter", "chapter_address", "lesson_page", "write_lesson"]
