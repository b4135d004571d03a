"""The loop: its gradient is that of the mean over all rows of a step, it stops where it should, and says what went."""

import copy
import math
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from crossentropy.errors import ConfigError, DataError, DivergenceError, ShapeError
from crossentropy.network import Loader, Rows, TrainSettings, log_loss, train

from .problems import network, rows, same_bits, weights_of


def one_step(batch_size, accumulate, data, module, **settings):
    settings = TrainSettings(
        epochs=1, batch_size=batch_size, accumulate=accumulate, clip=None, optimizer="sgd", **settings
    )
    records = []
    train(module, data, settings=settings, write=records.append)
    return weights_of(module), records


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("batch_size", [1, 7, 50, 96])
def test_accumulated_batches_make_the_step_of_the_full_batch(batch_size, soft, weighted):
    data = rows(weighted=weighted)
    if soft:
        data = Rows(data.inputs, torch.rand(97, 3).softmax(1), data.weights)
    whole, (full, _) = one_step(97, 1, data, network(), lr=0.5)
    parts, (accumulated, _) = one_step(batch_size, 97, data, network(), lr=0.5)
    assert full["rows"] == accumulated["rows"] == 97
    assert accumulated["loss"] == pytest.approx(full["loss"], abs=1e-6)
    assert accumulated["gradient_norm"] == pytest.approx(full["gradient_norm"], abs=1e-6)
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=0, atol=1e-6)


def test_a_step_is_torchs_own_weighted_mean():
    data = rows()
    module, plain = network(), network()
    one_step(97, 1, data, module, lr=0.5)
    each = functional.cross_entropy(plain(data.inputs[0]), data.targets, reduction="none")
    ((each * data.weights).sum() / data.weights.sum()).backward()
    # the first step with Nesterov momentum goes 1.9 times the gradient
    for new, old in zip(module.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(
            new.data, old.data - 0.5 * 1.9 * (old.grad + 3e-4 * old.data * (old.ndim > 1))
        )


def test_members_are_trained_each_on_its_own_loss_and_judged_by_their_mean_probability():
    class Members(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList(network(seed=s) for s in range(3))

        def forward(self, x):
            return torch.stack([part(x) for part in self.parts])

    data = rows()
    together = Members()
    probabilities = together(data.inputs[0]).softmax(-1).mean(0).detach()
    each = -probabilities[torch.arange(97), data.targets].log()
    expected = float((each * data.weights).sum() / data.weights.sum())
    assert log_loss(together, data) == pytest.approx(expected, abs=1e-6)
    after, _ = one_step(97, 1, data, together, lr=3.0, weight_decay=0.0)
    for s in range(3):
        # the mean over three members moves each by a third
        alone, _ = one_step(97, 1, data, network(seed=s), lr=1.0, weight_decay=0.0)
        for name, value in alone.items():
            torch.testing.assert_close(after[f"parts.{s}.{name}"], value, rtol=0, atol=1e-6)


def test_an_epoch_takes_each_row_once_in_an_order_that_epochs_and_seeds_change():
    data = rows()
    orders = [
        torch.cat([b.rows for b in data.epoch(epoch, seed, 10)]).tolist()
        for epoch in (0, 1)
        for seed in (0, 1)
    ]
    assert all(sorted(order) == list(range(97)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    later = torch.cat([b.rows for b in data.epoch(0, 0, 10, skip=3)]).tolist()
    assert later == orders[0][30:]


def test_the_best_weights_come_back_and_patience_ends_it():
    data, held_out = rows(), rows(seed=0, n=31)
    module = network(width=64)
    result = train(
        module,
        data,
        validation=held_out,
        settings=TrainSettings(lr=0.05, epochs=200, patience=5, batch_size=32),
    )
    losses = [record["validation_loss"] for record in result.history]
    assert result.ended == "patience"
    assert result.best_loss == min(losses) == losses[result.best_epoch]
    assert result.epochs == result.best_epoch + 1 + 5
    assert log_loss(module, held_out) == result.best_loss
    assert losses[-1] > result.best_loss


def test_a_plateau_halves_the_learning_rate_three_times_at_most():
    data, other = rows(), rows(seed=5)
    result = train(
        network(), data, validation=other, settings=TrainSettings(epochs=40, patience=None, plateau=4)
    )
    rates = [record["lr"] for record in result.history]
    assert set(rates) == {2e-3 * 0.5**h for h in range(4)}
    assert rates == sorted(rates, reverse=True)


def test_the_cosine_goes_from_one_to_zero_over_all_steps():
    records = []
    settings = TrainSettings(epochs=4, batch_size=10, schedule="cosine", lr=1.0)
    train(network(), rows(), settings=settings, write=records.append)
    rates = [r["lr"] for r in records if "step" in r]
    done = np.array([(e + b / 10) / 4 for e in range(4) for b in range(10)])
    np.testing.assert_allclose(rates, 0.5 * (1 + np.cos(np.pi * done)), atol=1e-12)


def test_a_loader_gives_what_rows_in_memory_give():
    data = rows()
    settings = TrainSettings(epochs=3, batch_size=97)
    in_memory, loaded = network(), network()
    train(in_memory, data, settings=settings)
    order = DataLoader(TensorDataset(*data.inputs, data.targets, data.weights), batch_size=40)
    train(loaded, order, settings=TrainSettings(epochs=3, accumulate=3))
    for a, b in zip(in_memory.parameters(), loaded.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_the_same_settings_give_the_same_bits_and_the_callers_generator_is_left_alone():
    data = rows()
    torch.manual_seed(7)
    before = torch.get_rng_state()
    found = []
    for _ in range(2):
        module = network(dropout=0.5)
        train(module, data, settings=TrainSettings(epochs=3, batch_size=20))
        found.append(weights_of(module))
    other = network(dropout=0.5)
    train(other, data, settings=TrainSettings(epochs=3, batch_size=20, seed=1))
    assert same_bits(*found)
    assert not same_bits(found[0], weights_of(other))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_deadline_that_is_over_lets_one_step_be_made():
    result = train(network(), rows(), validation=rows(seed=1), deadline=time.monotonic())
    assert (result.ended, result.steps) == ("time", 1)
    assert math.isfinite(result.best_loss)


def diverging(breaks):
    module = network()
    data = rows()
    data = Rows((data.inputs[0].clone(),), data.targets, data.weights)
    breaks(module, data)
    with pytest.raises(DivergenceError) as caught:
        train(module, data, settings=TrainSettings(batch_size=50))
    return str(caught.value)


class Exploding(nn.Module):
    """Gives infinity for rows whose first feature is above 100."""

    def forward(self, x):
        return torch.where(x[:, :1] > 100, torch.inf, x)


def test_a_loss_that_is_not_finite_names_the_rows_and_the_layer():
    def breaks(module, data):
        module[1] = Exploding()
        with torch.no_grad():
            module[0].weight[0] = torch.tensor([1.0, 0, 0, 0, 0])
        data.inputs[0][41, 0] = 1e6

    said = diverging(breaks)
    assert "row 41" in said
    assert "'1' (Exploding)" in said
    assert "epoch 0" in said


def test_a_row_with_inputs_that_are_not_finite_is_named():
    def breaks(module, data):
        data.inputs[0][12, 3] = math.nan

    assert "row 12; their inputs are not finite" in diverging(breaks)


def test_a_parameter_that_is_not_finite_is_named():
    def breaks(module, data):
        with torch.no_grad():
            module[3].bias[1] = math.nan

    assert "'3.bias'" in diverging(breaks)


def test_a_gradient_that_is_not_finite_is_named():
    class Root(nn.Module):
        def forward(self, x):
            return (x * 0).sqrt() + x

    def breaks(module, data):
        module[1] = Root()

    said = diverging(breaks)
    assert "gradient of step 0" in said
    assert "'0.weight'" in said


def test_weights_are_as_before_the_step_that_failed():
    module = network()
    before = copy.deepcopy(module.state_dict())
    data = rows()
    data.inputs[0][0, 0] = math.nan
    with pytest.raises(DivergenceError):
        train(module, data, settings=TrainSettings(batch_size=97))
    assert same_bits(before, module.state_dict())


def test_rows_of_weight_zero_are_no_rows():
    data = rows()
    weights = data.weights.clone()
    weights[50:] = 0
    fewer, zeros = network(), network()
    train(fewer, Rows((data.inputs[0][:50],), data.targets[:50], weights[:50]), settings=ONE_STEP)
    train(zeros, Rows(data.inputs, data.targets, weights), settings=ONE_STEP)
    for a, b in zip(fewer.parameters(), zeros.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


ONE_STEP = TrainSettings(epochs=1, batch_size=97, optimizer="sgd", lr=1.0)


def test_an_optimizer_may_be_given():
    found, given = network(), network()
    train(found, rows(), settings=TrainSettings(epochs=2))
    made = []

    def adamw(groups):
        made.append(torch.optim.AdamW(groups, lr=2e-3, fused=True))
        return made[0]

    train(given, rows(), settings=TrainSettings(epochs=2, optimizer=adamw))
    assert len(made) == 1
    assert same_bits(weights_of(found), weights_of(given))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"optimizer": "adanw"}, "Did you mean 'adamw'"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"lr": math.nan}, "lr is nan"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        TrainSettings(**settings)


def test_data_of_the_wrong_form_are_refused():
    data = rows()
    with pytest.raises(ShapeError, match="96 rows"):
        Rows((data.inputs[0][1:],), data.targets)
    with pytest.raises(DataError, match=r"Row 3 has the weight -1\.0"):
        Rows(data.inputs, data.targets, torch.where(torch.arange(97) == 3, -1.0, 1.0))
    with pytest.raises(DataError, match="int is neither"):
        train(network(), 3)
    with pytest.raises(DataError, match="The loader gave a Tensor"):
        train(network(), Loader([data.inputs[0]]))
    with pytest.raises(ConfigError, match="no parameter"):
        train(nn.Flatten(), data)
