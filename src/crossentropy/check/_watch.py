"""`crossentropy.watch`, and running a script under a watch; torch is imported when a watch begins."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crossentropy.errors import CrossEntropyWarning

if TYPE_CHECKING:
    from crossentropy.check.watching._watch import Watch


@contextmanager
def watch() -> Iterator[Watch]:
    """Watch the values that reach torch's cross-entropy losses inside of a `with` block.

    Seen are `cross_entropy`, `nll_loss`, `binary_cross_entropy`, `binary_cross_entropy_with_logits`, and
    `linear_cross_entropy`, as functions and as modules, of torch and of `crossentropy.losses`, in every thread; not
    what torch.compile or torch.jit has compiled, and no other process. The result has `findings`; `str()` of it tells
    them, what was looked at, and what was not. Where the block ends, each finding is given as a warning at the line of
    the user's that computes the loss.

    Yields:
        The watch, which may be asked at any time.

    Warns:
        CrossEntropyWarning: probabilities given as logits, or either as log-probabilities, class ids out of range, NaN,
            all rows ignored, targets of the wrong kind, gradients that reach nothing, a floor that was reached.

    Example:
        >>> import torch, warnings
        >>> with warnings.catch_warnings(record=True), watch() as watched:
        ...     p = torch.rand(8, 5).softmax(dim=1)
        ...     loss = torch.nn.functional.cross_entropy(p, torch.randint(5, (8,)))
        >>> [finding.kind for finding in watched.findings]
        ['probabilities-as-logits']
    """
    from crossentropy.check.watching._watch import Watch

    watched = Watch()
    watched.begin()
    try:
        yield watched
    finally:
        watched.end()
    for finding in watched.findings:
        text = f"{finding.kind} ({finding.loss}): {finding.message}"
        warnings.warn_explicit(text, CrossEntropyWarning, finding.path, finding.line)


def watch_script(script: str, arguments: Sequence[str] = (), *, module: bool = False) -> tuple[Watch, int]:
    """Run a script under a watch, as `python SCRIPT ARGUMENTS` would; return the watch and the script's exit code.

    Args:
        script: the path of a script, or with `module` the dotted name of a module.
        arguments: what the script finds in `sys.argv`.
        module: whether `script` is the name of a module.

    Raises:
        DataError: there is no such script.
    """
    from crossentropy.check.watching._script import run_script

    return run_script(script, arguments, module=module)


def watch_json(watched: Watch) -> str:
    """Tell a watch as one JSON object: findings, what was looked at, what was not."""
    from crossentropy.check.watching._report import to_json

    return to_json(watched)
