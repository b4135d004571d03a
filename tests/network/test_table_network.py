"""What goes into the network for tables, what it can represent, and how it is cut to a time limit."""

import itertools

import numpy as np
import pytest
import torch

from crossentropy.network import TableNetwork, TableShape
from crossentropy.network._plan import plan_for, within
from crossentropy.network._prepare import Blocks, Preparation

RNG = np.random.default_rng(0)


def table(n=400):
    """A skewed number, a heavy-tailed one with gaps, a flag, a constant, one that is nearly always 0."""
    heavy = RNG.standard_cauchy(n)
    heavy[RNG.random(n) < 0.1] = np.nan
    rare = np.where(RNG.random(n) < 0.05, RNG.normal(size=n), 0.0)
    return np.column_stack([RNG.exponential(size=n), heavy, RNG.random(n) < 0.3, np.full(n, 7.0), rare])


def shape(**changed):
    sizes = {"embedded": 3, "plain": 2, "bins": 6, "embedding": 4, "members": 5, "width": 8, "blocks": 2}
    return TableShape(**(sizes | {"classes": 3, "dropout": 0.0} | changed))


def test_embedded_and_plain_columns_are_told_apart():
    prepared = Preparation.fit(Blocks(table()), bins=8)
    assert prepared.kept.tolist() == [0, 1, 4, 2]
    assert prepared.embedded == 3
    assert prepared.gaps.tolist() == [1]
    x = prepared.transform(Blocks(table()))
    assert x.shape == (400, 5)
    assert bool((x.abs() <= 3).all())
    assert set(x[:, 4].unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("times", [1e-9, 0.37, 1e12])
@pytest.mark.parametrize("plus", [0.0, -3.5])
def test_units_of_measure_have_no_say(times, plus):
    x = table()
    first = Preparation.fit(Blocks(x), bins=8).transform(Blocks(x))
    moved = Blocks(times * (x + plus))
    again = Preparation.fit(moved, bins=8).transform(moved)
    torch.testing.assert_close(first, again, rtol=0, atol=1e-5)


def test_what_was_learned_goes_through_arrays():
    x = Blocks(table())
    prepared = Preparation.fit(x, bins=8)
    again = Preparation.from_arrays(prepared.to_arrays())
    assert torch.equal(prepared.transform(x), again.transform(x))


def test_a_column_that_is_always_missing_is_left_out():
    x = table()
    x[:, 0] = np.nan
    prepared = Preparation.fit(Blocks(x), bins=8)
    assert 0 not in prepared.kept
    assert bool(torch.isfinite(prepared.transform(Blocks(table()))).all())


def test_more_than_300_numbers_are_not_embedded():
    prepared = Preparation.fit(Blocks(RNG.normal(size=(50, 301))), bins=2)
    assert (prepared.embedded, prepared.width) == (0, 301)
    network = TableNetwork(shape(embedded=0, plain=301))
    assert network(torch.zeros(4, 301)).shape == (5, 4, 3)


def embedding(knots):
    network = TableNetwork(shape(embedded=len(knots), plain=0))
    network.embed.set_knots([torch.tensor(k) for k in knots])
    return network.embed


def test_an_embedding_begins_linear_and_can_be_any_piecewise_linear_function():
    knots = [[-1.0, -0.5, 0.25, 2.0], [0.0, 1.0]]
    embed = embedding(knots)
    x = torch.linspace(-3, 3, 61)[:, None].repeat(1, 2)
    begun = embed(x)
    torch.testing.assert_close(begun.diff(n=2, dim=0), torch.zeros(59, 2, 4), atol=1e-5, rtol=0)
    heights = torch.tensor([2.0, -1.0, 4.0])
    with torch.no_grad():
        embed.linear.zero_()
        embed.offset.zero_()
        embed.pieces[0, :3, 0] = heights
    embed.requires_grad_(False)
    expected = np.interp(x[:, 0], knots[0], [0.0, 2.0, 1.0, 5.0])
    inside = ((x[:, 0] >= -1) & (x[:, 0] <= 2)).numpy()
    np.testing.assert_allclose(embed(x)[:, 0, 0][inside], expected[inside], atol=1e-6)
    # beyond the last knots it goes on as it went between them
    assert float(embed(torch.full((1, 2), 3.75))[0, 0, 0]) == pytest.approx(5.0 + 4.0)
    assert float(embed(torch.full((1, 2), -1.5))[0, 0, 0]) == pytest.approx(-2.0)


def test_members_share_all_but_their_scale_and_head():
    network = TableNetwork(shape())
    with torch.no_grad():
        network.scale[1] = network.scale[0]
        network.head[1] = network.head[0]
    network.embed.set_knots([torch.tensor([-1.0, 0.0, 1.0])] * 3)
    logits = network(torch.randn(7, 5))
    torch.testing.assert_close(logits[0], logits[1])
    assert not torch.allclose(logits[0], logits[2])
    own = sum(p.numel() for name, p in network.named_parameters() if name in ("scale", "head", "bias"))
    twice = sum(p.numel() for p in TableNetwork(shape(members=10)).parameters())
    assert twice - sum(p.numel() for p in network.parameters()) == own


def test_a_network_begins_at_the_class_frequencies_where_its_head_is_zero():
    priors = torch.tensor([0.7, 0.2, 0.1]).log()
    network = TableNetwork(shape(), priors)
    with torch.no_grad():
        network.head.zero_()
    torch.testing.assert_close(network(torch.randn(4, 5)), priors.expand(5, 4, 3))


def test_a_time_limit_cuts_members_then_runs_then_width():
    plan = plan_for(3_000, 20)
    found = [within(plan, 1.0, limit) for limit in (1e9, 150.0, 100.0, 40.0, 20.0, 5.0, 0.0)]
    assert found[0] == plan
    assert found[-1].members == 2
    assert (found[-1].runs, found[-1].width) == (1, 64)
    for long, short in itertools.pairwise(found):
        assert short.members <= long.members
        assert short.runs == plan.runs or short.members == 2
        assert short.width == plan.width or short.runs == 1
