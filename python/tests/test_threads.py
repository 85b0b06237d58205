"""Limits on threads: connecting raises an error that names them.

A limit on the number of threads does not hold for root. Here each thread of the library needs 1 GiB of address space,
and the limit on that holds for every user.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any, NoReturn

import pytest
from guard import PATIENT
from programs import run

import amop
from amop import aio
from amop.devnet import Devnet


@pytest.mark.parametrize("threads", range(8))
def test_connect_without_enough_threads_raises_an_error(devnet: Devnet, threads: int) -> None:
    source = f"""
    import os, resource
    os.environ["RUST_MIN_STACK"] = str(1 << 30)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ({threads} << 30) + (900 << 20), -1))
    try:
        with amop.connect(endpoints[0].replace("127.0.0.1", "localhost"), credentials=credentials) as client:
            client.broadcast("a", "x")
        print("done")
    except amop.InternalError as error:
        print(error.code, "RLIMIT_NPROC" in str(error))
    """
    # The log's thread and two workers, then one that reads the credentials, which may still end while one looks up
    # the name.
    expected = {"304 True\n"} if threads < 4 else {"304 True\n", "done\n"} if threads == 4 else {"done\n"}
    ended = run(source, devnet)
    # A refused lookup is also logged as a failed connect, on standard error.
    assert (ended.code, ended.stdout in expected) == (0, True), ended


def test_loop_without_its_thread_raises_an_error(devnet: Devnet, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unwatching(asyncio.SelectorEventLoop):
        def add_reader(self, fd: Any, callback: Any, *args: Any) -> NoReturn:  # type: ignore[override]
            raise NotImplementedError

    def refuse(thread: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    async def connect() -> None:
        async with aio.connect(devnet.endpoints[0], credentials=devnet.credentials, **PATIENT):
            pass

    with asyncio.Runner(loop_factory=Unwatching) as runner:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(amop.InternalError) as raised:
                runner.run(connect())
        assert raised.value.kind is amop.ErrorKind.RUNTIME
        runner.run(connect())
