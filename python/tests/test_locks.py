"""Calls that wait release the interpreter's lock."""

from __future__ import annotations

from programs import clean, run

from amop.devnet import Devnet


def test_waits_let_other_threads_run(devnet: Devnet) -> None:
    # The interpreter never forces a thread to release the lock here, so each wait ends only if it releases the lock
    # itself.
    source = """
    import sys, threading
    sys.setswitchinterval(1000)
    client = amop.connect(endpoints[0], credentials=credentials)
    other = amop.connect(endpoints[1], credentials=credentials)
    subscription = client.subscribe('a')
    threading.Thread(target=lambda: other.publish('a', 'from another thread', wait_for_subscriber=True)).start()
    print(subscription.next().data)

    other.serve('b', lambda request: request.data)
    print(client.publish('b', 'answered by a handler', wait_for_subscriber=True).data)

    def late():
        other.subscribe('c', lambda message: None)
    threading.Thread(target=late).start()
    client.publish('c', wait_for_subscriber=True)

    events = client.events()
    threading.Thread(target=client.close).start()
    print(list(events))
    other.close()
    """
    out = clean(run(source, devnet)).splitlines()
    assert out[0] == "b'from another thread'"
    assert out[1] == "b'answered by a handler'"
    assert out[-1] == "[Closed()]"
