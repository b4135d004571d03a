"""The page of a rule, in Markdown: `docs/check/CE001.md` and its siblings are written by this file.

`python -m crossentropy.check._pages docs/check` writes them all.
"""

from __future__ import annotations

import sys
from pathlib import Path

from crossentropy.check._findings import Rule
from crossentropy.check._run import select_rules
from crossentropy.check.rules import RULES


def page(rule: Rule) -> str:
    """Return the page of a rule: why, the bad and the good example, how to silence it."""
    fix = (
        "\n`crossentropy check --fix` mends it where the call stands in one piece.\n" if rule.fixable else ""
    )
    return f"""# {rule.id} {rule.name} ({rule.severity})

{rule.summary[0].upper()}{rule.summary[1:]}.

## Why

{rule.why}

## Instead of

```py
{rule.bad.strip()}
```

## Write

```py
{rule.good.strip()}
```
{fix}
## To silence it

Put `# crossentropy: ignore[{rule.id}]` on the line, `# crossentropy: ignore-file[{rule.id}]` anywhere in the file, or
give `--ignore {rule.id}`.
"""


HOOK = """\
## Before each commit

With [pre-commit](https://pre-commit.com), where `crossentropy` is installed, in `.pre-commit-config.yaml`:

```yaml
repos:
  - repo: local
    hooks:
      - id: crossentropy-check
        name: crossentropy check
        entry: crossentropy check
        language: system
        types_or: [python, jupyter]
```

The hook is given the files that change, and a finding stands where the loss is computed. To look at all of a project
each time, give it `entry: crossentropy check src` and `pass_filenames: false`.
"""


def rule_page(name: str) -> str:
    """Return the page of the rule of that id or name.

    Raises:
        ConfigError: there is no such rule.
    """
    (rule,) = select_rules([name])
    return page(rule)


def index() -> str:
    """Return the page that lists the rules."""
    rows = [
        f"| [{r.id}]({r.id}.md) | {r.name} | {r.severity} | {r.summary} | {'yes' if r.fixable else ''} |"
        for r in RULES.values()
    ]
    head = ["| id | name | severity | what is found | `--fix` |", "|---|---|---|---|---|"]
    return "\n".join(["# The rules of `crossentropy check`", "", *head, *rows, "", HOOK])


def write_pages(folder: Path) -> None:
    """Write every page."""
    folder.mkdir(parents=True, exist_ok=True)
    for rule in RULES.values():
        (folder / f"{rule.id}.md").write_text(page(rule), encoding="utf-8")
    (folder / "README.md").write_text(index(), encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
