"""Each rule: its bad example is flagged, its good one is not, its page is what the rule says, it can be silenced."""

import ast
import re
from pathlib import Path

import pytest

from crossentropy.check import RULES, check_paths, fix_files, rule_page
from crossentropy.check._pages import index
from crossentropy.errors import ConfigError, DataError

DOCS = Path(__file__).parents[2] / "docs" / "check"
each = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def check(folder, text, **options):
    path = folder / "program.py"
    path.write_text(text)
    return check_paths([path], **options)


def examples(rule):
    blocks = re.findall(
        r"^```py\n(.*?)^```$", (DOCS / f"{rule.id}.md").read_text(), flags=re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 2
    return blocks


@each
def test_the_bad_example_of_the_page_is_flagged_by_this_rule_alone(rule, tmp_path):
    bad, _ = examples(rule)
    assert {f.rule for f in check(tmp_path, bad).findings} == {rule.id}


@each
def test_the_good_example_of_the_page_is_not_flagged(rule, tmp_path):
    _, good = examples(rule)
    result = check(tmp_path, good)
    assert not result.findings
    assert not result.unread


@each
def test_the_page_is_what_the_rule_says(rule):
    assert (DOCS / f"{rule.id}.md").read_text() == rule_page(rule.name)
    assert (DOCS / "README.md").read_text() == index()


@each
def test_a_comment_silences_the_rule_and_no_other(rule, tmp_path):
    lines = rule.bad.splitlines()
    found = check(tmp_path, rule.bad).findings
    for finding in found:
        lines[finding.line - 1] += f"  # crossentropy: ignore[{rule.id}]"
    result = check(tmp_path, "\n".join(lines) + "\n")
    assert not result.findings
    assert result.silenced == len(found)
    other = "CE001" if rule.id != "CE001" else "CE002"
    assert check(tmp_path, "\n".join(lines).replace(rule.id, other) + "\n").findings
    assert not check(tmp_path, f"# crossentropy: ignore-file[{rule.id}]\n{rule.bad}").findings
    assert not check(tmp_path, f"# crossentropy: ignore-file\n{rule.bad}").findings


@each
def test_select_and_ignore(rule, tmp_path):
    assert not check(tmp_path, rule.bad, ignore=[rule.id]).findings
    assert check(tmp_path, rule.bad, select=[rule.name]).findings


@pytest.mark.parametrize("rule", [r for r in RULES.values() if r.fixable], ids=lambda r: r.id)
def test_the_fix_leaves_nothing_to_find_and_the_same_numbers(rule, tmp_path):
    import torch

    bad = rule.bad if rule.id != "CE011" else "import torch.nn.functional as F\n" + rule.bad
    result = check(tmp_path, bad)
    path = tmp_path / "program.py"
    assert fix_files(result.findings) == {str(path): 1}
    assert not check_paths([path]).findings
    values = []
    for text in (bad, path.read_text()):
        torch.manual_seed(0)
        scope = {}
        exec(compile(text, "program", "exec"), scope)
        values.append(scope.get("loss", scope.get("log_probabilities")))
    torch.testing.assert_close(*values)


def test_edits_keep_the_line_ends_the_encoding_and_what_stands_around(tmp_path):
    path = tmp_path / "program.py"
    text = (
        "# -*- coding: latin-1 -*-\r\nimport torch\r\ndef f(größe):\r\n"
        "    é = torch.log(torch.softmax(größe, dim=1)) + torch.log(torch.softmax(größe, 0))  # é\r\n"
    )
    path.write_bytes(text.encode("latin-1"))
    fix_files(check_paths([path]).findings)
    want = text.replace("torch.log(torch.softmax(größe, dim=1))", "torch.log_softmax(größe, dim=1)")
    want = want.replace("torch.log(torch.softmax(größe, 0))", "torch.log_softmax(größe, 0)")
    assert path.read_bytes() == want.encode("latin-1")


AROUND = """\
import torch
import torch as th
import torch.nn.functional as fn


def f(x, z, y, pair):
    return {}
"""


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("fn.cross_entropy(fn.log_softmax(z, dim=1), y)", "fn.cross_entropy(z, y)"),
        ("fn.cross_entropy(z.log_softmax(dim=1), y)", "fn.cross_entropy(z, y)"),
        ("th.log(th.softmax(z, 1))", "th.log_softmax(z, 1)"),
        ("(x + z).softmax(1).log()", "(x + z).log_softmax(1)"),
        ("torch.log((-z).softmax(dim=1))", "(-z).log_softmax(dim=1)"),
        ("th.log(th.sigmoid(z))", "fn.logsigmoid(z)"),
        # these would change what is computed, or lose something
        ("fn.cross_entropy(fn.log_softmax(z, dim=1, dtype=torch.float64), y)", None),
        ("fn.cross_entropy(fn.log_softmax(*pair), y)", None),
        ("th.log(th.sigmoid(z, out=x))", None),
        ("fn.cross_entropy(fn.log_softmax(\n        z,  # the logits\n        dim=1), y)", None),
    ],
)
def test_a_mend_computes_what_was_meant_whatever_torch_is_called(tmp_path, written, mended):
    result = check(tmp_path, AROUND.format(written))
    assert len(result.findings) == 1
    fix_files(result.findings)
    assert (tmp_path / "program.py").read_text() == AROUND.format(mended or written)


def test_a_mend_finds_its_line_where_a_page_break_stands_before_it(tmp_path):
    text = 'import torch\n\x0c\nmark = "\x1c"\n\n\ndef f(z):\n    return torch.log(torch.softmax(z, 1))'
    fix_files(check(tmp_path, text).findings)
    want = text.replace("torch.log(torch.softmax(z, 1))", "torch.log_softmax(z, 1)")
    assert (tmp_path / "program.py").read_text() == want


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
def test_a_mend_keeps_the_mark_of_the_encoding_and_each_line_end(tmp_path, ends):
    path = tmp_path / "program.py"
    text = f"import torch{ends}# é\n{ends}def f(z):{ends}    return torch.log(torch.softmax({ends}      z, 1)){ends}\n"
    path.write_bytes(text.encode("utf-8-sig"))
    assert fix_files(check_paths([path]).findings) == {str(path): 1}
    want = text.replace(f"torch.log(torch.softmax({ends}      z, 1))", "torch.log_softmax(z, 1)")
    assert path.read_bytes() == want.encode("utf-8-sig")
    over = f"import torch{ends}x = torch.log(torch.softmax(max({ends}    1, 2), 1)){ends}"
    path.write_bytes(over.encode())
    fix_files(check_paths([path]).findings)
    assert path.read_bytes().decode() == over.replace("log(torch.softmax", "log_softmax").replace("1))", "1)")


def test_unknown_rules_and_missing_files_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"CE99.*Did you mean"):
        check_paths([tmp_path], select=["CE99"])
    with pytest.raises(DataError, match="no such file"):
        check_paths([tmp_path / "none.py"])


@each
def test_the_rule_itself_is_short_and_its_examples_parse(rule):
    ast.parse(rule.bad)
    ast.parse(rule.good)
    assert len(rule.summary) < 110
    assert len(rule.why.split()) > 25
