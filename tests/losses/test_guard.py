"""Misuse that only the values give away: who is told, where, once, and who is left in peace."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from crossentropy.errors import InputError, MisuseWarning, TargetError
from crossentropy.losses import CrossEntropyLoss, LossOptions, SparseTarget, are_probabilities, cross_entropy
from tests.losses.loss_list import Shape, ids, logits, random

T = torch.tensor([0, 2, 1, 1])
P = torch.randn(4, 3, generator=random(0)).softmax(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("classes", [2, 3, 1000])
def test_probabilities_as_logits_are_named_with_the_floor(dtype: torch.dtype, classes: int):
    p = torch.randn(300, classes, generator=random(1)).softmax(1).to(dtype)
    floor = math.log(1 + (classes - 1) / math.e)
    with pytest.warns(MisuseWarning, match=f"all 300 rows .* below {floor:.4f} nats") as caught:
        cross_entropy(p, torch.zeros(300).long())
    assert caught[0].filename == __file__
    with pytest.warns(MisuseWarning) as caught:
        CrossEntropyLoss()(p, torch.zeros(300).long())
    assert caught[0].filename == __file__
    with pytest.raises(InputError, match="look like probabilities"):
        cross_entropy(p, torch.zeros(300).long(), options=LossOptions(probabilities="raise"))
    cross_entropy(p, torch.zeros(300).long(), options=LossOptions(probabilities="allow"))


def test_the_floor_is_reached_by_certain_probabilities():
    for classes, floor in ((2, 0.3133), (3, 0.5514), (10, 1.4612), (1000, 5.9095)):
        with pytest.warns(MisuseWarning, match=f"{floor:.4f} nats"):
            loss = cross_entropy(torch.eye(classes), torch.arange(classes))
        assert abs(loss.item() - floor) < 1e-3


def test_a_warning_comes_once_for_each_line():
    def here() -> None:
        cross_entropy(P, T)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(5):
            here()
        cross_entropy(P, T)
    assert len(caught) == 2


@pytest.mark.parametrize("changed", ["first", "last", "sum", "negative"])
def test_one_row_that_is_no_distribution_is_enough_to_say_nothing(changed: str):
    p = torch.randn(200, 5, generator=random(2)).softmax(1)
    row = 0 if changed == "first" else -1
    p[row] = {"sum": torch.full((5,), 0.3), "negative": torch.tensor([-0.5, 0.5, 0.5, 0.25, 0.25])}.get(
        changed, p[row] + 0.01
    )
    cross_entropy(p, torch.zeros(200).long())


@pytest.mark.parametrize(
    "z",
    [P.log(), P[:1], P[0], torch.rand(4, 3), torch.zeros(4, 3), torch.zeros(0, 3)],
    ids=lambda z: str(z.shape),
)
def test_what_may_be_logits_is_left_in_peace(z: Tensor):
    cross_entropy(z, T[: z.shape[0]] if z.ndim > 1 else T[0])


def test_nothing_is_asked_of_images_without_pixels():
    assert cross_entropy(torch.ones(4, 3, 0), T[:, None][:, :0], reduction="sum") == 0


def test_probabilities_along_axis_1_of_images_are_seen():
    p = torch.randn(2, 3, 4, 4, generator=random(3)).softmax(1)
    with pytest.warns(MisuseWarning, match="all 32 rows"):
        cross_entropy(p, torch.zeros(2, 4, 4).long())


@pytest.mark.parametrize("shape", [(2, 3, 300, 300), (2, 3, 200_000)])
def test_of_images_the_first_lines_are_looked_at_and_under_strict_all(shape: tuple[int, ...]):
    q, z = torch.full(shape, 1 / 3), torch.randn(shape, generator=random(6))
    q[0, :, 0] = 1
    with pytest.warns(MisuseWarning, match=r"position \(0, 0.*sums to 3"):
        cross_entropy(z, q)
    q[0, :, 0] = 1 / 3
    q[0, :, -1] = 1
    cross_entropy(z, q)
    with pytest.raises(TargetError, match="sums to 3"):
        cross_entropy(z, q, options=LossOptions(strict=True))


@pytest.mark.parametrize(
    ("dtype", "off", "told"),
    [
        (torch.float32, 5e-5, True),
        (torch.float32, 3e-4, False),
        (torch.float64, 3e-4, False),
        (torch.bfloat16, 4e-3, True),
        (torch.float16, 8e-3, True),
        (torch.float16, 2e-2, False),
    ],
    ids=str,
)
def test_probabilities_sum_to_1_as_exactly_as_their_dtype_lets_them(
    dtype: torch.dtype, off: float, told: bool
):
    p = torch.tensor([[0.5, 0.25, 0.25 - off], [0.25, 0.5, 0.25]], dtype=dtype)
    assert are_probabilities(p, 1) is told
    if told:
        with pytest.warns(MisuseWarning):
            cross_entropy(p, T[:2])
    else:
        cross_entropy(p, T[:2])


@pytest.mark.parametrize("off", [-5e-3, 5e-3, -2e-2, 2e-2])
def test_targets_may_sum_to_1_as_nearly_as_16_bits_let_them(off: float):
    q = torch.tensor([[0.5, 0.25, 0.25 + off]])
    if abs(off) < 1e-2:
        cross_entropy(torch.randn(1, 3), q, options=LossOptions(strict=True))
    else:
        with pytest.warns(MisuseWarning, match="sums to"):
            cross_entropy(torch.randn(1, 3), q)


Q = torch.randn(4, 3, generator=random(4), dtype=torch.float64).softmax(1)
Z, IDS = logits(Shape(rows=4)), ids(Shape(rows=4))


def bad(row: int, values: list[float]) -> Tensor:
    return Q.index_put((torch.tensor(row),), torch.tensor(values, dtype=torch.float64))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (bad(2, [0.5, 0.4, 0.4]), r"row 2 sums to 1\.3"),
        (bad(1, [1.5, -0.5, 0.0]), r"row 1 holds -0\.5"),
        (bad(0, [math.nan, 0.5, 0.5]), "row 0"),
        (
            SparseTarget(torch.tensor([[0, 1]] * 4), torch.tensor([[0.5, 0.5]] * 3 + [[0.5, 0.2]])),
            r"row 3 sums to 0\.7",
        ),
    ],
    ids=["sum", "negative", "nan", "sparse"],
)
def test_targets_that_are_no_distributions_warn_and_are_refused_under_strict(target: Any, message: str):
    with pytest.warns(MisuseWarning, match=message) as caught:
        cross_entropy(Z, target)
    assert caught[0].filename == __file__
    with pytest.raises(TargetError, match=message):
        cross_entropy(Z, target, options=LossOptions(strict=True))


def test_rows_left_out_need_no_distribution():
    out = torch.tensor([False, False, True, False])
    cross_entropy(Z, bad(2, [9.0, 9.0, 9.0]), options=LossOptions(ignored=out, strict=True))
    padded = SparseTarget(
        torch.tensor([[0, 1], [-100, -100], [2, -100], [0, 2]]),
        torch.tensor([[0.5, 0.5], [7, 7], [1, 7], [0.5, 0.5]]),
    )
    cross_entropy(Z, padded, options=LossOptions(strict=True))


def test_strict_looks_at_every_row_and_the_warning_at_the_first():
    q = torch.full((3000, 64), 1 / 64)
    q[2999] = 1
    z = torch.randn(3000, 64, generator=random(5))
    cross_entropy(z, q)
    with pytest.raises(TargetError, match="row 2999 sums to 64"):
        cross_entropy(z, q, options=LossOptions(strict=True))
