"""The public surface: pinned, documented, hinted."""

import importlib
import inspect
import json
from pathlib import Path

import pytest

import crossentropy

PINNED: dict[str, list[str]] = json.loads((Path(__file__).parent / "public_names.json").read_text())


@pytest.mark.parametrize("module", PINNED)
def test_names_are_the_pinned_ones(module: str):
    room = importlib.import_module(module)
    assert sorted(room.__all__) == PINNED[module]
    for name in room.__all__:
        assert hasattr(room, name)


def test_every_room_is_pinned():
    package = Path(crossentropy.__file__).parent
    rooms = {f"crossentropy.{p.parent.name}" for p in package.glob("*/__init__.py")}
    rooms |= {f"crossentropy.{p.stem}" for p in package.glob("[a-z]*.py")}
    assert rooms | {"crossentropy"} == set(PINNED)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        crossentropy.nothing  # noqa: B018


def public_callables():
    for module, names in PINNED.items():
        for name in names:
            thing = getattr(importlib.import_module(module), name)
            if not callable(thing) or getattr(thing, "__module__", "").split(".")[0] != "crossentropy":
                continue
            yield pytest.param(thing, id=f"{module}.{name}")
            if inspect.isclass(thing):
                for attribute, member in vars(thing).items():
                    if not attribute.startswith("_") and callable(member):
                        yield pytest.param(member, id=f"{module}.{name}.{attribute}")


@pytest.mark.parametrize("thing", list(public_callables()))
def test_every_public_callable_is_documented_and_hinted(thing):
    assert inspect.getdoc(thing)
    if inspect.isclass(thing):
        return
    function = inspect.unwrap(thing)
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        if parameter.name not in ("self", "cls"):
            assert parameter.annotation is not inspect.Parameter.empty, parameter.name
    assert signature.return_annotation is not inspect.Signature.empty
