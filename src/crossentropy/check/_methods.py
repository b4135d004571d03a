"""Following methods of lists, dicts, modules and losses, and the functions of Python and of torch.utils.data."""

from __future__ import annotations

import ast
from dataclasses import replace

from crossentropy.check import _torch
from crossentropy.check._findings import Backward, LossMean
from crossentropy.check._state import State
from crossentropy.check._torch import Arguments
from crossentropy.check._values import (
    NONE,
    UNKNOWN,
    Const,
    Count,
    Dataset,
    External,
    Instance,
    Kind,
    Loader,
    Loss,
    Mapping,
    Partial,
    Sequence,
    Tensor,
    Value,
    join,
)

# data sets of torchvision: classes, rows to train on, rows to test on
DATASETS = {
    "MNIST": (10, 60000, 10000),
    "FashionMNIST": (10, 60000, 10000),
    "KMNIST": (10, 60000, 10000),
    "CIFAR10": (10, 50000, 10000),
    "CIFAR100": (100, 50000, 10000),
}


class Methods(State):
    """The part of the interpreter that knows containers and loaders."""

    def named_attribute(self, function: str, owner: Instance, arguments: Arguments) -> Value:
        """getattr() and setattr() with a constant name."""
        name = _torch.number(arguments.get(1))
        if not isinstance(name, str):
            return UNKNOWN
        value = arguments.get(2)
        if function == "builtins.setattr" and value is not None:
            before = owner.attributes.get(name, value)
            owner.attributes[name] = value if self.certain(owner) else join(before, value)
        return owner.attributes.get(name, UNKNOWN)

    def list_method(self, owner: Sequence, name: str, arguments: Arguments) -> Value:
        """append, extend, insert, add_module."""
        first = arguments.get(0)
        certain = self.certain(owner)
        if name == "append" and first is not None:
            inside = self.loops[-1][1] if self.loops else None
            if isinstance(first, Loss) and inside is not None:
                first = replace(first, total=True, loader=inside)
            owner.add([first], certain=certain)
        elif name == "add_module" and arguments.get(1) is not None:
            owner.add([arguments.positional[1]], certain=certain)
        elif name == "extend" and isinstance(first, Sequence) and first.complete:
            owner.add(first.items, certain=certain)
        elif name in ("extend", "insert", "pop", "remove", "clear", "reverse", "sort"):
            owner.forget()
        elif name == "children" and owner.module:
            return owner
        return owner if name == "append" and owner.module else UNKNOWN

    @staticmethod
    def dict_method(owner: Mapping, name: str, arguments: Arguments) -> Value:
        """get, values, update."""
        key = _torch.number(arguments.get(0))
        if name == "get" and key in owner.items:
            return owner.items[key]
        if name == "values":
            return Sequence(list(owner.items.values()))
        if name in ("update", "pop", "clear", "setdefault"):
            owner.items.clear()
        return UNKNOWN

    def module_method(self, owner: Instance, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """add_module of a module, __init__ of torch's own classes."""
        if name in ("add_module", "register_module") and len(arguments.positional) == 2:
            owner.attributes[str(_torch.number(arguments.positional[0]))] = arguments.positional[1]
        elif name == "__init__" and External("torch.nn.Sequential") in owner.cls.lineage():
            owner.attributes["__layers__"] = self.make_layer("Sequential", arguments, node)
        elif name in ("forward", "__call__") and "__layers__" in owner.attributes:
            return self.call(owner.attributes["__layers__"], arguments, node)
        return self.opaque(node)

    def loss_method(self, owner: Loss, name: str, node: ast.AST) -> Value:
        """item, backward and what leaves the number alone."""
        if name == "backward":
            self.emit(Backward(node, self.file, self.quiet(), owner, self.accumulates()))
            return UNKNOWN
        return (
            owner if name in ("item", "detach", "cpu", "clone", "float", "mean", "numpy", "to") else UNKNOWN
        )

    def builtin(self, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """Functions of Python, and a few of NumPy."""
        first = arguments.get(0)
        if name == "functools.partial" and first is not None:
            return Partial(first, arguments.positional[1:], arguments.keywords)
        if name in ("numpy.mean", "statistics.mean", "statistics.fmean") and isinstance(first, Sequence):
            if isinstance(first.each, Loss):
                self.emit(LossMean(node, self.file, self.quiet(), first.each))
            return UNKNOWN
        if name == "builtins.sum" and isinstance(first, Sequence) and isinstance(first.each, Loss):
            return first.each
        if name == "builtins.len" and first is not None:
            return self.length(first)
        if name in ("builtins.list", "builtins.tuple", "collections.OrderedDict", "builtins.dict"):
            if first is None:
                return Mapping(dict(arguments.keywords)) if "ict" in name else Sequence(born=self.branches)
            return first if isinstance(first, Sequence | Mapping) else UNKNOWN
        if name in ("builtins.enumerate", "tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.notebook.tqdm"):
            return self.wrapped_loader(name, first)
        if name in ("builtins.getattr", "builtins.setattr") and isinstance(first, Instance):
            return self.named_attribute(name, first, arguments)
        if name == "builtins.float" and isinstance(first, Loss):
            return first
        return self.opaque(node)

    @staticmethod
    def length(value: Value) -> Value:
        """Return what len() gives."""
        if isinstance(value, Sequence) and value.complete and not isinstance(value.each, Loss):
            return Const(len(value.items))
        return Count(value)

    @staticmethod
    def wrapped_loader(name: str, first: Value | None) -> Value:
        """enumerate() and tqdm() of a loader."""
        if not isinstance(first, Loader):
            return UNKNOWN
        return first if "tqdm" in name else Mapping({"enumerate": first})

    def make_data(self, last: str, arguments: Arguments) -> Value:
        """TensorDataset and DataLoader."""
        if last == "TensorDataset":
            sizes = [t.rows for t in arguments.positional if isinstance(t, Tensor)]
            items = Sequence(list(arguments.positional))
            return Dataset(items, sizes[0] if sizes and not arguments.open else None)
        if last != "DataLoader":
            return UNKNOWN
        data = arguments.get(0, "dataset")
        size, drop = arguments.get(1, "batch_size"), arguments.get(8, "drop_last")
        if arguments.open or "batch_sampler" in arguments.keywords:
            return Loader(None, UNKNOWN, batched=False)
        ragged: bool | None = drop in (None, Const(False))
        rows = data.size if isinstance(data, Dataset) else None
        batch = 1 if size is None else _torch.number(size)
        if not ragged and drop != Const(True):
            ragged = None
        elif isinstance(batch, int) and batch > 0 and ragged and (batch == 1 or (rows and rows % batch == 0)):
            ragged = False
        item = data.item if isinstance(data, Dataset) and "collate_fn" not in arguments.keywords else UNKNOWN
        return Loader(ragged, _batch_of(item), batched=size != NONE)


def _batch_of(item: Value) -> Value:
    if isinstance(item, Tensor):
        rank = 1 if item.kind is Kind.IDS and item.rank in (None, 1) else item.rank
        return replace(item, batched=True, rank=rank, rows=None, inline=False)
    if isinstance(item, Sequence) and item.complete:
        return Sequence([_batch_of(part) for part in item.items])
    return join(item, UNKNOWN)
