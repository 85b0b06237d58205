"""Signals that a program blocks to receive them by sigwait."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
