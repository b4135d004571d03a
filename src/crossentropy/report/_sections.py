"""The sections of a report, in order, the same in every form: what each is called, and which chapter explains it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crossentropy.report._source_words import labels_title
from crossentropy.report._summary import Summary

__all__ = ["TITLES", "Section", "sections"]


@dataclass(frozen=True)
class Section:
    """A part of the report: its key, title, and the chapter of the lesson with what is to be found there."""

    key: str
    title: str
    lesson: tuple[str, str]


_ALL: tuple[tuple[Section, Callable[[Summary], bool]], ...] = (
    (Section("loss", "The loss", ("reading", "What nats, bits and the anchors mean")), lambda s: True),
    (
        Section("parts", "What it is made of", ("reading", "How wrong confidence adds to the loss")),
        lambda s: s.test.parts is not None,
    ),
    (
        Section("sources", "Where it comes from", ("crossentropy", "What each row adds to the loss")),
        lambda s: s.test.rows > 0,
    ),
    (
        Section("worst", "The worst rows", ("loss", "Why a row that was sure and wrong costs so much")),
        lambda s: bool(s.worst_rows),
    ),
    (
        Section(
            "labels", "Labels to check", ("classifier", "How a probability is held against what is true")
        ),
        lambda s: s.labels is not None,
    ),
    (
        Section(
            "calibration",
            "Can its confidence be trusted?",
            ("reading", "What a temperature does to confidence and to the loss"),
        ),
        lambda s: True,
    ),
    (
        Section("confusion", "What it confuses", ("softmax", "How logits become probabilities, and a label")),
        lambda s: True,
    ),
    (
        Section("decisions", "What to decide", ("sigmoid", "What odds and probabilities have to do with it")),
        lambda s: s.test.costs is not None or s.test.positive is not None,
    ),
    (
        Section("contributions", "What the columns contribute", ("sigmoid", "Why logits can be added up")),
        lambda s: bool(s.contributions),
    ),
    (
        Section("data", "The data", ("classifier", "How rows become probabilities")),
        lambda s: bool(s.columns or s.notes),
    ),
    (
        Section("method", "How it was done", ("gradient", "What a fit goes down on, and where it ends")),
        lambda s: True,
    ),
    (
        Section("next", "What to look at next", ("run", "This run, row by row, with --run and its folder")),
        lambda s: bool(s.advice),
    ),
)


TITLES = {section.key: section.title for section, _ in _ALL}


def sections(summary: Summary) -> list[Section]:
    """Return the sections that have something to say, in order."""
    found = [section for section, told in _ALL if told(summary)]
    if summary.labels is None:
        return found
    title = labels_title(summary.labels)
    return [Section(s.key, title if s.key == "labels" else s.title, s.lesson) for s in found]
