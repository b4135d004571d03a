"""What the layers of torch.nn do to abstract values."""

from __future__ import annotations

import ast
from dataclasses import replace

from crossentropy.check._operations import activation
from crossentropy.check._torch import Arguments, Follower, number
from crossentropy.check._values import (
    UNKNOWN,
    Const,
    Kind,
    Layer,
    Tensor,
    Value,
)

LAYER_SAME = frozenset(["Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"])


LAYER_ELEMENTWISE = frozenset(
    [
        "ReLU",
        "ReLU6",
        "GELU",
        "ELU",
        "SELU",
        "SiLU",
        "Mish",
        "Tanh",
        "LeakyReLU",
        "PReLU",
        "Softplus",
        "Hardswish",
        "Hardsigmoid",
        "Hardtanh",
        "CELU",
        "GLU",
        "LayerNorm",
        "RMSNorm",
        "GroupNorm",
    ]
)


LAYER_LINEAR = {
    "Linear": None,
    "LazyLinear": None,
    "Bilinear": None,
    "Conv1d": 3,
    "Conv2d": 4,
    "Conv3d": 5,
    "ConvTranspose1d": 3,
    "ConvTranspose2d": 4,
    "ConvTranspose3d": 5,
}


LAYER_NORMS = frozenset(["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"])


LAYER_ACTIVATIONS = {
    "Softmax": "softmax",
    "Softmax2d": "softmax",
    "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid",
    "LogSigmoid": "logsigmoid",
}


CONTAINERS = frozenset(("Sequential", "ModuleList"))


WRAPPING = frozenset(("DataParallel", "DistributedDataParallel"))


WRAPPERS = frozenset(
    (
        "torch.compile",
        "torch.jit.script",
        "torch.distributed.fsdp.FullyShardedDataParallel",
        "torch.autograd.Variable",
        "torch.nn.utils.weight_norm",
        "torch.nn.utils.spectral_norm",
        "torch.nn.utils.parametrizations.weight_norm",
        "torch.nn.utils.parametrizations.spectral_norm",
    )
)


def apply_layer(follower: Follower, layer: Layer, arguments: Arguments, node: ast.AST) -> Value:
    """Call a layer of torch.nn that is no container and no loss."""
    name = layer.name
    given = arguments.get(0, "input") or UNKNOWN
    if name in LAYER_ACTIVATIONS:
        dim = layer.arguments.get("dim", layer.arguments.get("0"))
        if name == "Softmax2d":
            dim = Const(1)  # of (N, C, H, W)
        keywords = {"dim": dim} if dim is not None else {}
        inner = Arguments((given,), keywords)
        return activation_of_layer(follower, layer, inner, node)
    tensor = given if isinstance(given, Tensor) else Tensor()
    if name in LAYER_SAME:
        return given
    if name in LAYER_LINEAR:
        index = "out_features" if LAYER_LINEAR[name] is None else "out_channels"
        position = {"LazyLinear": "0", "Bilinear": "2"}.get(name, "1")
        classes = number(layer.arguments.get(index, layer.arguments.get(position)))
        rank = LAYER_LINEAR[name] or tensor.rank
        key = follower.origin(node)
        base = (key.path, key.line, key.column, layer.origin)
        return Tensor(
            Kind.LOGITS, layer.origin, base, rank=rank, rows=tensor.rows, batched=tensor.batched,
            classes=classes if isinstance(classes, int) else None, channels=LAYER_LINEAR[name] is not None,
            floating=True,
        )  # fmt: skip
    if name in LAYER_NORMS:
        return tensor if tensor.kind is Kind.LOGITS else Tensor(rank=tensor.rank, batched=tensor.batched)
    if name in LAYER_ELEMENTWISE:
        return Tensor(rank=tensor.rank, rows=tensor.rows, batched=tensor.batched, classes=tensor.classes)
    if name == "Flatten":
        plain = not layer.arguments
        return replace(tensor, axis=None, rank=2 if plain else None, column=False, inline=False)
    return Tensor()


def activation_of_layer(follower: Follower, layer: Layer, arguments: Arguments, node: ast.AST) -> Value:
    """A softmax or sigmoid layer: its origin is where the layer was made."""
    output = activation(follower, LAYER_ACTIVATIONS[layer.name], arguments, node, layer=True)
    assert isinstance(output, Tensor)
    return replace(output, origin=layer.origin, inline=False)
