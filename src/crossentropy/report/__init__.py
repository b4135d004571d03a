"""A run told to a person: the summary is data; each rendering stands apart from it."""

from crossentropy.report._summary import (
    ColumnNote,
    Optimality,
    Penalty,
    PenaltyPoint,
    Summary,
    Temperature,
    WorstRow,
)

__all__ = ["ColumnNote", "Optimality", "Penalty", "PenaltyPoint", "Summary", "Temperature", "WorstRow"]
