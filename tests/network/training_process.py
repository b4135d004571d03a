"""A training in a process of its own, which can be killed: its data and module are always the same."""

from pathlib import Path

import torch
import torch._dynamo  # which optimisers import at their first step; here it is done before the process is forked
from safetensors.torch import save_file

from crossentropy.network import Checkpoint, TrainSettings, train

from .problems import network, rows

SETTINGS = TrainSettings(epochs=6, batch_size=20, lr=0.02, patience=None, plateau=2)
STEPS = 30


def run(folder, every, begun=None):
    """Train with a checkpoint every so many seconds; write the weights to `folder`.safetensors in the end."""
    torch.set_num_threads(1)
    module = network(dropout=0.3)

    def write(record):
        if begun is not None:
            begun.set()

    train(
        module,
        rows(),
        validation=rows(n=40, seed=0),
        settings=SETTINGS,
        write=write,
        checkpoint=Checkpoint(folder, every=every),
    )
    save_file(module.state_dict(), Path(f"{folder}.safetensors"))
