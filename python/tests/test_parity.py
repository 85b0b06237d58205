"""The clients for threads and asyncio have the same names and arguments."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import amop
from amop import aio

PAIRS = [
    (amop.Client, aio.Client),
    (amop.Subscription, aio.Subscription),
    (amop.Service, aio.Service),
    (amop.Events, aio.Events),
    (amop.PrivateTopic, aio.PrivateTopic),
]
# Names that differ in asyncio.
SPELLED = {
    "__enter__": "__aenter__",
    "__exit__": "__aexit__",
    "__iter__": "__aiter__",
    "__next__": "__anext__",
}
# Their `with` ends without waiting, so that it is the same in asyncio.
NEVER_WAITING_BLOCKS = (amop.PrivateTopic,)
# A decorator can't wait for the node to list the topic.
THREADS_ONLY = {"Client": {"service"}}
# Functions whose result can be awaited, and used with `async with` and `async for`.
STARTED = {"subscribe", "serve"}
# Functions that wait, and are coroutines in asyncio.
AWAITED = {
    "Client": {"publish", "broadcast", "subscribe", "serve", "reload_credentials", "close"},
    "Subscription": {"next", "next_many", "unsubscribe"},
    "Service": {"next", "next_many", "unsubscribe"},
    "Events": {"next", "next_many"},
    "PrivateTopic": {"publish", "broadcast"},
}


def _offered(kind: type) -> dict[str, Any]:
    names = {name for name in dir(kind) if not name.startswith("_")}
    names |= {name for name in dir(kind) if name in SPELLED or name in SPELLED.values()}
    return {name: inspect.getattr_static(kind, name) for name in names}


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS, ids=lambda kind: kind.__name__)
def test_threads_and_asyncio_have_the_same_names(sync: type, asynchronous: type) -> None:
    spelled = {} if sync in NEVER_WAITING_BLOCKS else SPELLED
    here = {spelled.get(name, name) for name in _offered(sync)} - THREADS_ONLY.get(sync.__name__, set())
    assert here == set(_offered(asynchronous))


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS, ids=lambda kind: kind.__name__)
def test_threads_and_asyncio_have_the_same_arguments(sync: type, asynchronous: type) -> None:
    for name, member in _offered(sync).items():
        if name.startswith("_") or name in THREADS_ONLY.get(sync.__name__, set()):
            continue
        other = inspect.getattr_static(asynchronous, name)
        if not inspect.isfunction(member):
            assert type(member) is type(other), name
            continue
        arguments = inspect.signature(member).parameters
        assert list(arguments) == list(inspect.signature(other).parameters), name
        assert [(p.default, p.kind) for p in arguments.values()] == [
            (p.default, p.kind) for p in inspect.signature(other).parameters.values()
        ], name
        returns_coroutine = inspect.iscoroutinefunction(other) or name in STARTED
        assert returns_coroutine == (name in AWAITED[sync.__name__]), name
        assert not inspect.iscoroutinefunction(member), name


def test_connect_has_the_same_arguments() -> None:
    assert str(inspect.signature(amop.connect).parameters) == str(inspect.signature(aio.connect).parameters)


def test_everything_public_is_documented() -> None:
    kinds = [member for member in vars(amop).values() if inspect.isclass(member)]
    for kind in [*kinds, *(other for _, other in PAIRS), amop.devnet.Devnet]:
        assert inspect.getdoc(kind), kind
        for name, member in vars(kind).items():
            if not name.startswith("_") and (callable(member) or isinstance(member, property)):
                assert inspect.getdoc(member), f"{kind.__name__}.{name}"
    for name in amop.__all__:
        assert hasattr(amop, name), name
    with pytest.raises(AttributeError):
        amop.nothing  # noqa: B018


@pytest.mark.parametrize("module", [amop, aio, amop.devnet, amop.events], ids=lambda module: module.__name__)
def test_dir_lists_the_public_names_only(module: Any) -> None:
    assert {name for name in dir(module) if not name.startswith("__")} == set(module.__all__)


def test_every_option_of_the_core_exists() -> None:
    import re
    from pathlib import Path

    builder = (Path(__file__).parents[2] / "src" / "client" / "builder.rs").read_text()
    in_core = set(re.findall(r"    pub fn (\w+)\(mut self", builder)) | {"credential_files"}
    in_core |= set(re.findall(r"    pub fn (\w+)\(\n        mut self", builder))
    # Endpoints are separate arguments; a runtime, resolver or stream of events can be set in Rust only, and the clock
    # and the source of credentials are for tests.
    only_in_rust = {
        "endpoint",
        "endpoints",
        "runtime",
        "resolver",
        "wall_clock",
        "listen",
        "credential_source",
    }
    assert in_core - only_in_rust == set(amop.ClientOptions.__annotations__)
