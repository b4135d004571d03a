"""The tree of errors: what callers of other libraries catch still works, and a message is one line."""

import inspect
import pickle
import re

import pytest

from crossentropy import errors

CLASSES = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, Exception)]


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = {}
    path = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"( *)[*+\-.] (\w+)(?: \(([\w, ]+)\))?", line)
        if found:
            depth = len(found[1]) // 2
            path[depth:] = [found[2]]
            drawn[found[2]] = {path[depth - 1] if depth else "", *(found[3] or "").split(", ")} - {""}
    real = {c.__name__: {b.__name__ for b in c.__bases__} - {"Exception"} for c in CLASSES}
    drawn["CrossEntropyWarning"] = {"UserWarning"}
    assert drawn == real


@pytest.mark.parametrize("kind", [c for c in CLASSES if issubclass(c, errors.CrossEntropyError)])
def test_a_message_is_one_line_and_survives_another_process(kind):
    error = kind("a.csv, row 3:\n 'x'  is no number.", fix="Expected\tnumbers.")
    assert str(error) == "a.csv, row 3: 'x' is no number. Expected numbers."
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("Target", ["id", "target"], "Did you mean 'target'?"),
        ("colour", ["color", "size"], "Did you mean 'color'?"),
        ("zzz", ["a", "b"], "Known: a, b."),
        ("zzz", [str(i) for i in range(13)], "Known: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ..."),
        ("zzz", [], ""),
    ],
)
def test_near_names(name, known, said):
    assert errors.did_you_mean(name, known).startswith(said)
