"""Forms of the mistakes that the corpus does not have: each in a line or two, beside the correct one like it."""

import json

import pytest

from crossentropy.check import check_paths, to_sarif

HEAD = """\
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def f(x, y, n):
    net = nn.Linear(20, 10)
    z = net(x)
"""

MISTAKES = {
    "softmax into a binary loss": ("F.binary_cross_entropy_with_logits(z.softmax(1), y)", "CE003"),
    "log-softmax into bce": ("F.binary_cross_entropy(z.log_softmax(1), y)", "CE004"),
    "several labels as integers": (
        "F.binary_cross_entropy_with_logits(z, torch.tensor([[1, 0, 1], [0, 1, 1]]))",
        "CE008",
    ),
    "one-hot as integers for a binary loss": (
        "F.binary_cross_entropy_with_logits(z, F.one_hot(y, 10))",
        "CE008",
    ),
    "swapped, of log-probabilities": ("F.nll_loss(torch.tensor([1, 0]), z.log_softmax(1))", "CE020"),
    "threshold before the loss": ("p = z.sigmoid() > 0.5\n    F.cross_entropy(z, y)", "CE017"),
    "smoothing given by its place": (
        'loss = nn.CrossEntropyLoss(None, None, -100, None, "mean", 0.1)\n    loss(net(x), y).backward()\n'
        "    with torch.no_grad():\n        loss(net(x), y)",
        "CE015",
    ),
    "expit": ("F.binary_cross_entropy_with_logits(torch.special.expit(z), y)", "CE003"),
    "rounded up": ("F.binary_cross_entropy(z.sigmoid().ceil(), y).backward()", "CE007"),
    "ids drawn in a column": (
        "F.cross_entropy(net(torch.randn(8, 20)), torch.randint(0, 10, (8, 1)))",
        "CE008",
    ),
    "ids listed in a column": (
        "F.cross_entropy(net(torch.randn(2, 20)), torch.LongTensor([[1], [2]]))",
        "CE008",
    ),
    "binary targets without the column of the input": (
        "one = nn.Linear(20, 1)\n    t = torch.randint(0, 2, (8,)).float()\n"
        "    F.binary_cross_entropy_with_logits(one(torch.randn(8, 20)), t)",
        "CE008",
    ),
    "softmax of pixels": (
        "F.cross_entropy(nn.Sequential(nn.Conv2d(3, 5, 1), nn.Softmax2d())(x), y)",
        "CE001",
    ),
    "accumulated through a scaler": (
        "scaler, opt = torch.amp.GradScaler(), torch.optim.SGD(net.parameters(), 0.1)\n"
        "    for i, (a, b) in enumerate(n):\n        loss = F.cross_entropy(net(a), b)\n"
        "        scaler.scale(loss).backward()\n        if (i + 1) % 4 == 0:\n"
        "            scaler.step(opt)\n            scaler.update()\n            opt.zero_grad()",
        "CE016",
    ),
    "the data of a tensor": ("F.cross_entropy(z.data, y).backward()", "CE007"),
}


def check(folder, text):
    (folder / "program.py").write_text(text)
    return check_paths([folder / "program.py"])


CORRECT = {
    "a column of one-hot": "F.cross_entropy(net(torch.randn(2, 20)), torch.tensor([[1.0], [1.0]]))",
    "a column squeezed": "F.cross_entropy(net(torch.randn(8, 20)), torch.randint(0, 10, (8, 1)).squeeze(1))",
    "a column for a column": "one = nn.Linear(20, 1)\n    t = torch.randint(0, 2, (8, 1)).float()\n"
    "    F.binary_cross_entropy_with_logits(one(torch.randn(8, 20)), t)",
    "both without": "one = nn.Linear(20, 1)\n    t = torch.randint(0, 2, (8,)).float()\n"
    "    F.binary_cross_entropy_with_logits(one(torch.randn(8, 20)).squeeze(1), t)",
    "a binary target of a loader": "one = nn.Linear(20, 1)\n"
    "    data = TensorDataset(torch.randn(8, 20), torch.randint(0, 2, (8,)).float().unsqueeze(-1))\n"
    "    for a, b in DataLoader(data):\n        F.binary_cross_entropy_with_logits(one(a), b)",
    "divided, through a scaler": (
        "scaler, opt = torch.amp.GradScaler(), torch.optim.SGD(net.parameters(), 0.1)\n"
        "    for i, (a, b) in enumerate(n):\n        loss = F.cross_entropy(net(a), b) / 4\n"
        "        scaler.scale(loss).backward()\n        if (i + 1) % 4 == 0:\n"
        "            scaler.step(opt)\n            scaler.update()\n            opt.zero_grad()"
    ),
}


@pytest.mark.parametrize("case", CORRECT)
def test_what_is_like_them_and_correct_is_not_found(tmp_path, case):
    assert check(tmp_path, f"{HEAD}    {CORRECT[case]}\n").findings == []


@pytest.mark.parametrize(
    "text", ['{"cells": 3}', '{"cells": [{"cell_type": "code"}]}', "[]", "print(1)", "{}"]
)
def test_what_is_no_notebook_is_said_to_be_none(tmp_path, text):
    (tmp_path / "book.ipynb").write_text(text)
    (told,) = check_paths([tmp_path]).unread
    assert told == (
        f"{tmp_path / 'book.ipynb'}: this is no notebook: expected JSON with cells, each with its cell_type and "
        "source. It was not checked."
    )


@pytest.mark.parametrize("case", MISTAKES)
def test_each_form_is_found(tmp_path, case):
    body, rule = MISTAKES[case]
    assert {f.rule for f in check(tmp_path, f"{HEAD}    {body}\n").findings} == {rule}


@pytest.mark.parametrize(
    ("given", "floor"),
    [("nn.Linear(20, 10)", "10 classes the loss cannot fall below 1.4612 nats"), ("x", "")],
)
def test_the_floor_is_told_where_the_classes_are_known(tmp_path, given, floor):
    text = f"{HEAD}    F.cross_entropy({given}(x).softmax(1), y)\n".replace("x(x)", "x")
    (finding,) = check(tmp_path, text).findings
    assert finding.message.endswith(
        f"{'; with ' if floor else ')'}{floor}. Leave the softmax out before the loss."
    )


@pytest.mark.parametrize(("drop", "found"), [("False", True), ("True", False), ("n", False)])
def test_the_last_batch_is_known_by_the_place_of_drop_last(tmp_path, drop, found):
    body = (
        "data = TensorDataset(torch.randn(1001, 20), torch.randint(10, (1001,)))\n"
        f"    loader = DataLoader(data, 100, False, None, None, 0, None, True, {drop})\n"
        "    total = 0.0\n    with torch.no_grad():\n        for a, b in loader:\n"
        "            total += F.cross_entropy(net(a), b).item()\n    return total / len(loader)"
    )
    assert [f.rule for f in check(tmp_path, f"{HEAD}    {body}\n").findings] == ["CE013"] * found


def test_a_handler_may_begin_after_any_part_of_the_body(tmp_path):
    body = (
        "z = z.softmax(1)\n    try:\n        z = n(z)\n        n()\n    except ValueError:\n"
        "        return F.cross_entropy(z, y)"
    )
    result = check(tmp_path, f"{HEAD}    {body}\n")
    assert (result.findings, result.losses, result.followed) == ([], 1, 0)


def test_what_one_turn_of_a_loop_leaves_for_the_next_is_followed(tmp_path):
    body = (
        "before = None\n    while n():\n        if before is not None:\n            F.cross_entropy(before, y)\n"
        "        before = net(x)"
    )
    assert check(tmp_path, f"{HEAD}    {body}\n").losses == 1


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_comment_on_any_line_of_a_statement_silences_it(tmp_path, line):
    lines = ["    return F.cross_entropy(", "        z.softmax(1),", "        y)"]
    text = HEAD + "\n".join(
        text + "  # crossentropy: ignore[CE001]" * (number == line) for number, text in enumerate(lines)
    )
    result = check(tmp_path, text + "\n")
    assert (result.findings, result.silenced) == ([], 1)
    below = check(tmp_path, HEAD + "\n".join(lines) + "\n    # crossentropy: ignore[CE001]\n")
    assert len(below.findings) == 1


def test_a_file_is_checked_once_however_often_it_is_named(tmp_path):
    path = tmp_path / "program.py"
    path.write_text("import torch\nx = torch.log(torch.randn(3, 4).softmax(1))\n")
    (tmp_path / "other.py").symlink_to(path)
    for paths in ([tmp_path], [path, path], [path, tmp_path / "other.py"]):
        result = check_paths(paths)
        assert (result.files, len(result.findings)) == (1, 1)


def test_a_finding_over_lines_says_where_it_begins_and_ends_in_its_cell_and_in_the_log(tmp_path):
    cells = [
        "import torch.nn.functional as F\n",
        "def f(z, y):\n    return F.cross_entropy(z.softmax(\n      1), y)\n",
    ]
    path = tmp_path / "book.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": text} for text in cells]}))
    (tmp_path / "broken.py").write_text("def\n")
    result = check_paths([tmp_path])
    (finding,) = result.findings
    assert (finding.line, finding.column, finding.end_line, finding.end_column) == (2, 28, 3, 9)
    (run,) = json.loads(to_sarif(result, "1"))["runs"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 2,
        "startColumn": 28,
        "endLine": 3,
        "endColumn": 9,
    }
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "broken.py" in invocation["toolExecutionNotifications"][0]["message"]["text"]
