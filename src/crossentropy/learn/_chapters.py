"""The ten chapters, in order: the name of each is its place in the address and the word the command takes."""

from __future__ import annotations

from dataclasses import dataclass

from crossentropy.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class Chapter:
    """One chapter: `name` as in `crossentropy learn NAME`, how a link calls it, its title, the sentence to keep."""

    name: str
    short: str
    title: str
    keep: str


CHAPTERS: tuple[Chapter, ...] = (
    Chapter(
        "classifier",
        "Classifier",
        "A classifier says how sure it is",
        "A classifier turns an input into a probability, and a probability can be held against what turns out "
        "to be true.",
    ),
    Chapter(
        "sigmoid",
        "Sigmoid",
        "Sigmoid: from any number to a probability",
        "A logit is the logarithm of the odds, and the sigmoid turns it back into a probability.",
    ),
    Chapter(
        "loss",
        "Loss",
        "The logistic loss: what a probability costs",
        "The loss is minus the logarithm of the probability given to what happened.",
    ),
    Chapter(
        "classes",
        "Classes",
        "More than two classes",
        "Classes that exclude one another share a probability of one: what one class gains, the others lose.",
    ),
    Chapter(
        "softmax",
        "Softmax",
        "Softmax: from logits to probabilities",
        "Softmax looks only at the differences between the logits: add the same number to all, and nothing changes.",
    ),
    Chapter(
        "crossentropy",
        "Cross-entropy",
        "One-hot targets and cross-entropy",
        "With one true class, cross-entropy is minus the logarithm of that class’s probability, and nothing else.",
    ),
    Chapter(
        "gradient",
        "Gradient",
        "The gradient: probability minus target",
        "The gradient of the loss with respect to the logits is p − y: what the model said, minus what was true.",
    ),
    Chapter(
        "pytorch",
        "PyTorch",
        "In PyTorch, and the classic mistake",
        "CrossEntropyLoss takes logits. Put no softmax before it.",
    ),
    Chapter(
        "reading",
        "Reading",
        "Reading a loss",
        "A loss means something between its anchors: 0, what the class frequencies leave open, and ln K.",
    ),
    Chapter(
        "run",
        "Your run",
        "Your run",
        "A loss is made of rows: look at the costliest first.",
    ),
)


def chapter_address(name: str | None) -> str:
    """Return the end of the lesson's address that opens a chapter: `#softmax`, or nothing for None.

    Raises:
        ConfigError: there is no chapter of this name.
    """
    if name is None:
        return ""
    names = [chapter.name for chapter in CHAPTERS]
    if name not in names:
        raise ConfigError(f"The lesson has no chapter {name!r}.", fix=did_you_mean(name, names))
    return f"#{name}"
