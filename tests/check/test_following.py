"""What is followed: across files, notebooks, branches and loops; and what is not held against a program."""

import json

import pytest

from crossentropy.check import check_paths

MODEL = """\
import torch.nn as nn

class Net(nn.Module):
    def __init__(self, head=None):
        super().__init__()
        self.fc = nn.Linear(8, 4)
        self.head = head or nn.Softmax(dim=1)

    def forward(self, x):
        return HEAD
"""
TRAIN = """\
from torch import nn
from package.model import Net
import package.losses as losses

def run(x, y):
    net = Net()
    return losses.criterion(net(x), y)
"""


def write(folder, **files):
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for sub in {p.parent for p in folder.rglob("*.py")} - {folder}:
        (sub / "__init__.py").touch()


def lines(result):
    return [(f.rule, f.line) for f in result.findings]


@pytest.mark.parametrize(("head", "found"), [("self.fc(x).softmax(1)", True), ("self.fc(x)", False)])
def test_a_model_and_a_loss_of_other_files_are_followed(tmp_path, head, found):
    write(
        tmp_path,
        package__model=MODEL.replace("HEAD", head),
        package__losses="import torch\ncriterion = torch.nn.CrossEntropyLoss()\n",
        package__train=TRAIN,
    )
    result = check_paths([tmp_path / "package" / "train.py"])
    assert lines(result) == ([("CE001", 7)] if found else [])
    assert (result.losses, result.followed) == (1, 1)


def test_only_the_files_asked_for_are_reported(tmp_path):
    write(tmp_path, package__model="import torch\ndef log_p(x):\n    return torch.log(x.softmax(1))\n")
    write(tmp_path, package__use="from .model import log_p\n\nlog_p(1)\n")
    assert not check_paths([tmp_path / "package" / "use.py"]).findings
    assert lines(check_paths([tmp_path])) == [("CE010", 3)]


def test_a_notebook_is_read_cell_by_cell_and_its_magics_are_left_out(tmp_path):
    cells = [
        ("markdown", "# softmax"),
        ("code", "%matplotlib inline\n!pip install torch\nimport torch.nn.functional as F\nfiles = !ls\n"),
        ("code", "%%bash\nthis is (no Python"),
        (
            "code",
            ["def loss(z, y):\n", "    p = F.softmax(z, dim=1)\n", "    return F.cross_entropy(p, y)\n"],
        ),
    ]
    path = tmp_path / "book.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": kind, "source": text} for kind, text in cells]}))
    (finding,) = check_paths([path]).findings
    assert (finding.cell, finding.line, finding.column, finding.rule) == (3, 3, 28, "CE001")


@pytest.mark.parametrize(
    "body",
    [
        "if flag:\n        z = z.softmax(1)",
        "m = [nn.Linear(8, 4)]\n    if flag:\n        m.append(nn.Softmax(1))\n    z = nn.Sequential(*m)(z)",
        "m = [nn.Linear(8, 4)]\n    if flag:\n        m[0] = nn.Softmax(1)\n    z = nn.Sequential(*m)(z)",
        "for _ in range(n):\n        z = z.softmax(1)\n        break",
        "try:\n        z = z.softmax(1)\n    except ValueError:\n        z = z * 2",
        "z = z.softmax(1) if flag else z",
        "while flag:\n        z = flag(z.softmax(1))",
        "match flag:\n        case 1:\n            z = z.softmax(1)",
        "z = unknown(z.softmax(1))",
    ],
)
def test_what_happens_only_on_some_paths_is_not_reported(tmp_path, body):
    text = (
        "import torch.nn.functional as F\nfrom torch import nn\n\n"
        f"def f(z, y, flag, n):\n    {body}\n    return F.cross_entropy(z, y)\n"
    )
    (tmp_path / "a.py").write_text(text)
    result = check_paths([tmp_path])
    assert not result.findings
    assert (result.losses, result.unread) == (1, [])


@pytest.mark.parametrize(
    "body",
    [
        "if flag:\n        z = z.softmax(1)\n    else:\n        z = z.softmax(dim=-1)",
        "with flag:\n        z = z.softmax(1)",
        "z = z.softmax(1)\n    if flag:\n        raise ValueError",
        "try:\n        z = z.softmax(1)\n    except ValueError:\n        return None",
        "for _ in range(3):\n        q = z.softmax(1)\n    z = q",
        "z, w = z.softmax(1), 3",
        "(z := z.softmax(1))",
        "def inner(a):\n        return a.softmax(1)\n    z = inner(z)",
        "z = (lambda a: a.softmax(1))(z)",
        "zs = [z.softmax(1), 2]\n    z = zs[0]",
    ],
)
def test_what_happens_on_every_path_is_reported(tmp_path, body):
    text = f"import torch.nn.functional as F\n\ndef f(z, y, flag):\n    {body}\n    return F.cross_entropy(z, y)\n"
    (tmp_path / "a.py").write_text(text)
    assert {f.rule for f in check_paths([tmp_path]).findings} == {"CE001"}


def test_nothing_is_run(tmp_path):
    (tmp_path / "a.py").write_text(
        f"open({str(tmp_path / 'made')!r}, 'w').write('ran')\nraise SystemExit(3)\n"
    )
    assert not check_paths([tmp_path]).findings
    assert not (tmp_path / "made").exists()


def test_hidden_and_installed_folders_are_left_out(tmp_path):
    bad = "import torch\ntorch.log(torch.softmax(x, 1))\n"
    write(tmp_path, **{"site-packages__a": bad, ".hidden__a": bad, "mine": bad})
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "pyvenv.cfg").touch()
    (tmp_path / "python" / "b.py").write_text(bad)
    assert [f.path for f in check_paths([tmp_path]).findings] == [str(tmp_path / "mine.py")]


@pytest.mark.parametrize(
    "text",
    [
        "def f(:\n",
        "x = 1\n\x00",
        "print 'two'\n",
        "(" * 500 + ")" * 500 + "\n",
    ],
)
def test_what_is_no_python_is_said_and_the_rest_is_checked(tmp_path, text):
    (tmp_path / "a.py").write_text(text)
    (tmp_path / "b.py").write_text("import torch\ntorch.log(torch.softmax(x, 1))\n")
    result = check_paths([tmp_path])
    assert len(result.unread) == 1
    assert result.unread[0].startswith(str(tmp_path / "a.py"))
    assert lines(result) == [("CE010", 2)]


@pytest.mark.parametrize("text", ["{}", "[1]", '{"cells": 3}', '{"cells": [{"source": "x"}]}', "\xff", ""])
def test_what_is_no_notebook_is_said(tmp_path, text):
    (tmp_path / "a.ipynb").write_bytes(text.encode("latin-1"))
    result = check_paths([tmp_path])
    assert len(result.unread) == 1


def test_recursion_and_cycles_end(tmp_path):
    write(
        tmp_path,
        a="from b import g\n\ndef f(x):\n    return g(f(x))\n\nclass A(A):\n    pass\n",
        b="from a import f\n\ndef g(x):\n    return f(g(x))\n\nclass C:\n    x = property(lambda self: self.x)\n",
    )
    assert check_paths([tmp_path]).files == 2


def book(path, *cells):
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": text} for text in cells]}))
    return path


def test_a_line_that_begins_with_the_percent_of_a_format_string_is_no_magic(tmp_path):
    text = "import torch\nprint('%.2f'\n      % torch.log(torch.randn(3, 2).softmax(1)).sum())\nx = 1 \\\n  % 2\n"
    result = check_paths([book(tmp_path / "book.ipynb", text)])
    assert lines(result) == [("CE010", 3)]
    assert not result.unread


def test_a_timed_cell_is_python_and_one_that_is_not_leaves_the_others_checked(tmp_path):
    timed = "%%time\nloss = F.cross_entropy(F.softmax(z, dim=1), y)\n"
    path = book(tmp_path / "book.ipynb", "import torch.nn.functional as F\n", "model = # your code\n", timed)
    result = check_paths([path])
    assert [(f.cell, f.line, f.rule) for f in result.findings] == [(3, 2, "CE001")]
    (unread,) = result.unread
    assert unread.startswith(f"{path}: code cell 2, line 1: ")


def test_a_place_in_a_notebook_is_told_by_its_cell(tmp_path):
    path = book(
        tmp_path / "book.ipynb",
        "import torch.nn.functional as F\n\n\n",
        "def loss(z, y):\n    p = F.softmax(z, dim=1)\n    return F.cross_entropy(p, y)\n",
    )
    (finding,) = check_paths([path]).findings
    assert "(cell 2, line 2)" in finding.message


def test_where_integers_come_from_is_told_when_another_file_uses_them(tmp_path):
    write(
        tmp_path,
        package__losses="import torch.nn.functional as F\n\ndef bce(z, y):\n"
        "    return F.binary_cross_entropy_with_logits(z, y)\n",
        package__use="import torch.nn.functional as F\nfrom .losses import bce\n\nloss = bce(z, F.one_hot(y, 4))\n",
    )
    (finding,) = check_paths([tmp_path]).findings
    assert (finding.rule, finding.line) == ("CE008", 4)
    assert f"{tmp_path / 'package' / 'use.py'}:4" in finding.message


def test_a_definition_that_leads_far_does_not_hide_the_next(tmp_path):
    calls = "".join(
        f"def f{n}(x):\n    return f{n + 1}(x) + f{n + 1}(x) + f{n + 1}(x)\n\n" for n in range(11)
    )  # 3^11 calls
    text = (
        f"import torch.nn.functional as F\n\ndef f11(x):\n    return x\n\n{calls}"
        "def far(z, y):\n    return F.nll_loss(f0(z), y)\n\n"
        "def loss(z, y):\n    return F.cross_entropy(F.softmax(z, dim=1), y)\n"
    )
    path = tmp_path / "far.py"
    path.write_text(text)
    result = check_paths([path])
    assert [f.rule for f in result.findings] == ["CE001"]
    assert result.cut_short == [str(path)]
