"""The corpus: short programs that say in comments what is wrong with them, and precision and recall over them."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
PROGRAMS = sorted(CORPUS.rglob("*.py"))

Place = tuple[str, int, str]  # program, line, rule


def expected() -> set[Place]:
    """Return what `# expect: CE001 ...` comments say."""
    found = set()
    for path in PROGRAMS:
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            _, marked, rules = line.partition("# expect:")
            found |= {(program(path), number, rule) for rule in rules.split()} if marked else set()
    return found


def program(path: Path | str) -> str:
    """Return the name of a program of the corpus."""
    return str(Path(path).relative_to(CORPUS))


@dataclass(frozen=True)
class Figures:
    """Of one rule: mistakes in the corpus, those found, and alarms where there is none."""

    mistakes: int
    found: int
    false_alarms: int

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.false_alarms) if self.found + self.false_alarms else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.mistakes


def figures(found: set[Place]) -> dict[str, Figures]:
    """Return the figures of each rule."""
    wanted = expected()
    mistakes, hits, false = (Counter(r for _, _, r in s) for s in (wanted, wanted & found, found - wanted))
    return {rule: Figures(mistakes[rule], hits[rule], false[rule]) for rule in sorted(mistakes)}


def table(rows: dict[str, Figures]) -> str:
    """Return the figures as the table of `docs/check/measured.md`."""
    lines = [
        f"| [{rule}]({rule}.md) | {r.mistakes} | {r.found} | {r.false_alarms} | {r.precision:.2f} | {r.recall:.2f} |"
        for rule, r in rows.items()
    ]
    head = "| rule | mistakes | found | false alarms | precision | recall |\n|---|---|---|---|---|---|"
    return "\n".join([head, *lines])
