"""Ctrl-C interrupts every wait at once."""

from __future__ import annotations

import textwrap

import pytest
from programs import clean, run

from amop.devnet import Devnet

# The interrupt is sent shortly afterwards, when the wait has begun. On a machine so slow that it has not, the test
# checks less, but does not fail.
START = """
import os, signal, sys, threading

# Each wait would last longer than the test lets the program run.
def interrupted(wait):
    try:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        wait()
    except KeyboardInterrupt:
        pass
    else:
        sys.exit("it was not interrupted")

client = amop.connect(endpoints[0], credentials=credentials, call_timeout=300, close_timeout=300)
other = amop.connect(endpoints[1], credentials=credentials, answer_timeout=300)
"""

WAITS = {
    "next": "interrupted(client.subscribe('a').next)",
    "next with a limit": "interrupted(lambda: client.subscribe('a').next(300))",
    "next_many": "interrupted(lambda: client.subscribe('a').next_many(3))",
    "iteration": "interrupted(lambda: list(client.subscribe('a')))",
    "events": "interrupted(client.events().next)",
    "requests": "interrupted(client.serve('a').next)",
    "publish": """
        service = other.serve('never answered')
        client.publish_async('never answered', wait_for_subscriber=True)
        kept = service.next()
        interrupted(lambda: client.publish('never answered'))
    """,
    "publish that waits for a subscriber": """
        interrupted(lambda: client.publish('nobody there', wait_for_subscriber=True))
    """,
    "unsubscribe": """
        entered, go_on = threading.Event(), threading.Event()
        subscription = other.subscribe('slow', lambda _: (entered.set(), go_on.wait()))
        client.publish('slow', wait_for_subscriber=True)
        entered.wait()
        interrupted(lambda: subscription.unsubscribe(300))
        go_on.set()
    """,
    "close": """
        entered, go_on = threading.Event(), threading.Event()
        other.subscribe('slow', lambda _: (entered.set(), go_on.wait()))
        client.publish('slow', wait_for_subscriber=True)
        entered.wait()
        interrupted(lambda: other.close(300))
        go_on.set()
    """,
    "connect": """
        import socket
        silent = socket.create_server(('127.0.0.1', 0))
        endpoint = f'127.0.0.1:{silent.getsockname()[1]}'
        interrupted(lambda: amop.connect(endpoint, credentials=credentials, connect_timeout=300))
    """,
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_ctrl_c_interrupts_every_wait(devnet: Devnet, wait: str) -> None:
    source = START + textwrap.dedent(wait) + "\nclient.close()\nother.close()\nprint('done')\n"
    assert clean(run(source, devnet)) == "done\n"


@pytest.mark.parametrize(
    "wait",
    ["client.events().next(20)", "asyncio.run(broadcast())"],
    ids=["thread", "asyncio"],
)
def test_ctrl_c_while_the_level_of_the_log_is_queried_reaches_the_program(devnet: Devnet, wait: str) -> None:
    source = f"""
    import asyncio
    from amop import _logging

    query = _logging.wanted
    pressed = False

    def wanted():
        if pressed:
            raise KeyboardInterrupt
        return query()

    _logging.wanted = wanted

    async def broadcast():
        global pressed
        pressed = False
        async with amop.aio.connect(endpoints[0], credentials=credentials) as client:
            pressed = True
            async with asyncio.timeout(20):
                while True:
                    await client.broadcast('a')

    client = amop.connect(endpoints[0], credentials=credentials)
    pressed = True
    try:
        {wait}
    except KeyboardInterrupt:
        print('interrupted')
    pressed = False
    client.close()
    """
    assert clean(run(source, devnet)) == "interrupted\n"


def test_signal_handler_runs_during_a_wait(devnet: Devnet) -> None:
    source = """
    import os, signal, threading
    client = amop.connect(endpoints[0], credentials=credentials)
    subscription = client.subscribe('a')
    other = amop.connect(endpoints[1], credentials=credentials)

    def handle(*_):
        # The wait continues, and ends with this message.
        other.publish_async('a', 'from the signal handler', wait_for_subscriber=True)

    signal.signal(signal.SIGUSR1, handle)
    threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1)).start()
    print(subscription.next().data)
    client.close()
    other.close()
    """
    assert clean(run(source, devnet)) == "b'from the signal handler'\n"
