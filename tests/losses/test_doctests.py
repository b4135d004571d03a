"""The examples of the docstrings run, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from crossentropy import losses

MODULES = [name for _, name, _ in pkgutil.iter_modules(losses.__path__, prefix="crossentropy.losses.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_module_are_right(name: str):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", losses.__all__)
def test_every_public_name_is_explained_and_has_an_example(name: str):
    text = getattr(losses, name).__doc__
    for part in (".. math::", "Args:", "Example:", ">>> "):
        assert part in text
