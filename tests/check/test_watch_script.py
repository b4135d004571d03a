"""`crossentropy watch SCRIPT`, and the plugin for pytest: in processes of their own, as a user runs them."""

import json
import signal
import subprocess
import sys

import pytest

MODEL = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 3)
        self.last = nn.Softmax(dim=1)

    def forward(self, x):
        return self.last(self.fc(x))
"""
TRAIN = """\
import sys
from dataclasses import dataclass
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from net import Net

@dataclass
class Options:
    rest: list

def main():
    print(sys.argv, __name__)
    data = TensorDataset(torch.randn(64, 6), torch.randint(3, (64,)))
    net, criterion = Net(), nn.CrossEntropyLoss()
    for x, y in DataLoader(data, batch_size=8, num_workers=1, multiprocessing_context="fork"):
        loss = criterion(net(x), y)
        loss.backward()

if __name__ == "__main__":
    main()
"""


def run(*arguments, cwd, **options):
    command = [sys.executable, "-m", "crossentropy", "watch", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, **options)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.py").write_text(MODEL)
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


def test_a_script_runs_unchanged_and_is_told_its_own_line(folder):
    done = run("--report", "seen.json", "train.py", "--debug", "--json", "-x", "3", cwd=folder)
    assert done.stdout == "['train.py', '--debug', '--json', '-x', '3'] __main__\n"
    assert (
        "train.py:17: probabilities-as-logits (cross_entropy): all 8 rows read lie in [0, 1]" in done.stderr
    )
    assert "train.py:17 cross_entropy: 8 calls, values read in 8, 3 classes" in done.stderr
    assert done.returncode == 1
    told = json.loads((folder / "seen.json").read_text())
    assert [(f["line"], f["calls"], f["read"]) for f in told["findings"]] == [(17, 8, 8)]
    assert told["looked_at"][0]["calls"] == 8
    assert told["not_looked_at"]


def test_a_module_runs_by_its_name_and_is_told_as_json(folder):
    done = run("--json", "-m", "train", "a", cwd=folder)
    assert "'a'] __main__" in done.stdout
    (finding,) = json.loads(done.stderr)["findings"]
    assert (finding["line"], finding["kind"]) == (17, "probabilities-as-logits")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", 0, "no call of one of torch's losses was seen"),
        ("raise SystemExit(7)", 7, "0 findings"),
        ("raise SystemExit('stop')", 1, "stop\n"),
        ("def f():\n    1 / 0\nf()", 1, 'train.py", line 2, in f'),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time; time.sleep(9)",
            130,
            "KeyboardInterrupt",
        ),
        ("import (", 1, "SyntaxError"),
        (
            "import torch\ntry:\n    torch.nn.functional.cross_entropy(torch.zeros(2, 3), torch.tensor([1, 3]))\n"
            "except IndexError as error:\n    raise ValueError('stop') from error",
            1,
            'train.py", line 5, in <module>',
        ),
    ],
)
def test_the_end_of_a_script_is_its_own(folder, text, code, said):
    (folder / "train.py").write_text(text + "\n")
    # a shell lets what it starts in the background ignore SIGINT
    done = run("train.py", cwd=folder, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert done.returncode == code
    assert said in done.stderr
    assert "What was not:" in done.stderr
    assert "watching" not in done.stderr
    assert "runpy" not in done.stderr


def test_what_the_shell_ignores_the_script_ignores(folder):
    (folder / "train.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGHUP)\nprint('went on')\n"
    )
    done = run("train.py", cwd=folder, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert (done.returncode, done.stdout) == (0, "went on\n")


def test_a_script_that_is_not_there_is_refused(folder):
    done = run("none.py", cwd=folder)
    assert done.returncode == 2
    assert "no such file" in done.stderr


@pytest.mark.parametrize(("softmax", "option", "code"), [(True, True, 1), (False, True, 0), (True, False, 0)])
def test_the_plugin_fails_a_run_of_tests(tmp_path, softmax, option, code):
    given = "z.softmax(1)" if softmax else "z"
    (tmp_path / "test_it.py").write_text(
        "import torch\n\ndef test_loss():\n    z = torch.randn(8, 3)\n"
        f"    torch.nn.functional.cross_entropy({given}, torch.zeros(8, dtype=torch.long))\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--watch-losses"] if option else []
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code, done.stdout
    assert ("What was looked at:" in done.stdout) is option
    assert ("test_it.py:5: probabilities-as-logits" in done.stdout) is (softmax and option)
