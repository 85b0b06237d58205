"""Signals that a program blocks to receive them by sigwait, and the masks of the library's threads."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from programs import clean, run

if TYPE_CHECKING:
    from amop.devnet import Devnet


def test_signals_that_the_program_blocks_stay_pending(devnet: Devnet) -> None:
    source = """
    import os, signal, threading
    wanted = {signal.SIGTERM, signal.SIGUSR1}
    handled = threading.Event()
    publisher, client = (amop.connect(endpoint, credentials=credentials) for endpoint in endpoints[:2])
    with publisher, client:
        client.subscribe("signals", lambda message: handled.set())
        publisher.publish("signals", wait_for_subscriber=True)
        handled.wait()
        signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
        for number in sorted(wanted):
            # Any thread that does not block it receives it, and it ends the process.
            os.kill(os.getpid(), number)
            print(signal.sigwait(wanted).name)
    """
    assert clean(run(source, devnet)).split() == ["SIGUSR1", "SIGTERM"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_every_thread_of_the_library_blocks_signals(devnet: Devnet) -> None:
    source = """
    import asyncio, pathlib, signal, threading

    class Unwatching(asyncio.SelectorEventLoop):
        def add_reader(self, *arguments):
            raise NotImplementedError

    wanted = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM]

    def check():
        # Not every system knows the names that Python gives to its threads.
        named = {thread.native_id for thread in threading.enumerate() if thread.name.startswith("amop")}
        for task in pathlib.Path("/proc/self/task").iterdir():
            try:
                fields = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
            except (FileNotFoundError, ProcessLookupError):
                continue
            name = fields["Name"].strip()
            if name.startswith("amop") or int(task.name) in named:
                seen.add(name if name.startswith("amop") else "of Python")
                mask = int(fields["SigBlk"], 16)
                assert all(mask >> number - 1 & 1 for number in wanted), (name, fields["SigBlk"])

    async def converse():
        handled = asyncio.Event()
        async with amop.aio.connect(*endpoints[:2], credentials=credentials) as client:
            await client.subscribe("t", lambda message: handled.set())
            await client.broadcast("t")
            check()

    seen = set()
    handled = threading.Event()
    done = threading.Event()
    with amop.connect(*endpoints[:2], credentials=credentials) as client:
        client.subscribe("signals", lambda message: handled.set())
        client.publish("signals", wait_for_subscriber=True)
        client.publish_async("signals").add_done_callback(lambda future: done.set())
        handled.wait()
        done.wait()
        check()
        with asyncio.Runner(loop_factory=Unwatching) as runner:
            runner.run(converse())
    print(*sorted(seen))
    """
    names = clean(run(source, devnet)).split(" ")
    assert {"amop-handler", "amop-log"} <= set(names), names
    # The thread of the loop.
    assert "of" in names or "amop-loop" in names, names


def test_loop_that_starts_a_thread_keeps_its_signals(devnet: Devnet) -> None:
    source = """
    import asyncio, signal

    class Unwatching(asyncio.SelectorEventLoop):
        def add_reader(self, *arguments):
            raise NotImplementedError

    async def connect():
        async with amop.aio.connect(endpoints[0], credentials=credentials):
            pass

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    with asyncio.Runner(loop_factory=Unwatching) as runner:
        runner.run(connect())
    print(*(number.name for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    """
    assert clean(run(source, devnet)) == "SIGUSR2\n"
