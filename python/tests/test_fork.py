"""Forks: a child gets an error for clients of its parent, and may create its own."""

from __future__ import annotations

from guard import PATIENT
from programs import clean, run

import amop
from amop.devnet import Devnet


def test_forked_child_gets_an_error_and_can_connect_anew(devnet: Devnet) -> None:
    source = """
    import gc, logging, os
    logging.basicConfig(level=logging.DEBUG, stream=open(os.devnull, 'w'))
    client = amop.connect(endpoints[0], credentials=credentials)
    subscription = client.subscribe('a')
    seen = []
    handled = client.subscribe('b', seen.append)
    service = client.serve('c')
    events = client.events()
    call = client.publish_async('nobody', wait_for_subscriber=True)
    nodes = amop.devnet.Devnet(nodes=1)

    child = os.fork()
    if child == 0:
        calls = [
            lambda: client.publish('a'), lambda: client.publish_async('a'), lambda: client.broadcast('a'),
            lambda: client.subscribe('d'), lambda: client.serve('d'), client.events, client.stats, client.close,
            subscription.next, subscription.unsubscribe, handled.unsubscribe, service.next, events.next,
            subscription.stats, handled.stats, lambda: client.add_endpoint('127.0.0.1:1'), call.cancel,
            nodes.stop, lambda: nodes.kill(0),
        ]
        for call_again in calls:
            try:
                call_again()
            except amop.ForkError as error:
                assert error.code == 303 and isinstance(error, RuntimeError), error
            else:
                sys.exit(f'{call_again} raised nothing')
        try:
            next(iter(subscription))
        except amop.ForkError:
            pass
        repr((client, subscription, handled, service, events, nodes))
        with amop.connect(endpoints[1], credentials=credentials) as own:
            own.broadcast('from the child')
        # Neither garbage collection in the child nor its exit ends anything of the parent.
        del subscription, handled, service, events, client, call, calls, call_again, nodes
        gc.collect()
        sys.exit(0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with amop.connect(endpoints[1], credentials=credentials) as other:
        other.publish('a', 'still here', wait_for_subscriber=True)
        print(subscription.next().data, nodes.credentials.is_dir())
    call.cancel()
    nodes.stop()
    client.close()
    """
    # Newer Pythons warn of forks with threads.
    ended = run(source, devnet, "-W", "ignore::DeprecationWarning")
    assert clean(ended) == "b'still here' True\n"


def test_forked_child_runs_a_loop_after_those_of_its_parent(devnet: Devnet) -> None:
    source = """
    import asyncio, os

    async def broadcast():
        async with amop.aio.connect(endpoints[0], credentials=credentials) as client:
            await client.broadcast('a')

    # The parent keeps a loop that is closed.
    loop = asyncio.new_event_loop()
    loop.run_until_complete(broadcast())
    loop.close()
    child = os.fork()
    asyncio.run(broadcast())
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    """
    assert clean(run(source, devnet, "-W", "ignore::DeprecationWarning")) == ""


def test_children_of_one_parent_make_different_message_ids(devnet: Devnet) -> None:
    # The parent has only imported the package.
    source = """
    import os
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            wrong = 0
            with amop.connect(endpoints[0], credentials=credentials) as client:
                for call in range(40):
                    data = f'{number}/{call}'
                    wrong += client.publish('echo', data, timeout=60).data != data.encode()
            sys.exit(wrong)
        children.append(child)
    print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
    """
    handled: list[bytes] = []

    def echo(request: amop.Request) -> bytes:
        handled.append(request.data)
        return request.data

    with amop.connect(devnet.endpoints[0], credentials=devnet.credentials, **PATIENT) as server:
        server.serve("echo", echo)
        ended = run(source, devnet, "-W", "ignore::DeprecationWarning")
    assert clean(ended) == "[0, 0, 0, 0]\n"
    assert len(set(handled)) == len(handled) == 160


def test_multiprocessing_with_spawn_works(devnet: Devnet, tmp_path: object) -> None:
    import pathlib

    assert isinstance(tmp_path, pathlib.Path)
    program = tmp_path / "program.py"
    program.write_text(
        """
import multiprocessing, sys
import amop

def child(endpoint, credentials):
    with amop.connect(endpoint, credentials=credentials) as client:
        return client.publish('spawned', 'hi', wait_for_subscriber=True).data

if __name__ == '__main__':
    credentials, *endpoints = sys.argv[1:]
    with amop.connect(endpoints[1], credentials=credentials) as client:
        client.serve('spawned', lambda request: request.data.upper())
        with multiprocessing.get_context('spawn').Pool(2) as pool:
            print(pool.starmap(child, [(endpoints[0], credentials)] * 3))
            try:
                pool.apply(amop.connect)
            except amop.ArgumentError as error:
                print(error.code)
"""
    )
    import subprocess
    import sys

    from guard import GUARD

    ended = subprocess.run(
        [sys.executable, str(program), str(devnet.credentials), *devnet.endpoints],
        capture_output=True,
        text=True,
        timeout=2 * GUARD,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "[b'HI', b'HI', b'HI']\n1\n", "")
