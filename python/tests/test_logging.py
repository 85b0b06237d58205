"""The log of the library is passed to logger amop, at the level of the logger."""

from __future__ import annotations

import logging

import pytest
from guard import GUARD
from programs import clean, run

import amop
from amop import _amop, _logging
from amop.devnet import Devnet


def test_records_have_time_and_endpoint(devnet: Devnet) -> None:
    source = """
    import logging, time
    records = []
    class Keep(logging.Handler):
        def emit(self, record):
            records.append(record)
    logger = logging.getLogger('amop')
    logger.addHandler(Keep())
    logger.setLevel(logging.DEBUG)
    before = time.time()
    with amop.connect(endpoints[0], credentials=credentials) as client:
        client.broadcast('topic', 'a secret payload')
    import amop._amop
    amop._amop.end_all()
    after = time.time()
    assert records, 'nothing was logged'
    for record in records:
        assert record.name == 'amop' and record.target.startswith('amop'), record
        assert before - 1 <= record.created <= after + 1
        assert 'secret' not in record.getMessage()
    print(any(endpoints[0] in record.getMessage() for record in records))
    """
    assert clean(run(source, devnet)) == "True\n"


def test_disabled_levels_do_not_reach_python(devnet: Devnet) -> None:
    source = """
    import logging
    emitted = []
    from amop import _logging
    emit = _logging.emit
    _logging.emit = lambda records, lost: (emitted.extend(records), emit(records, lost))
    logging.getLogger('amop').setLevel(logging.CRITICAL)
    with amop.connect(endpoints[0], credentials=credentials) as client:
        client.broadcast('topic', 'payload')
    import amop._amop
    amop._amop.end_all()
    print(emitted)
    """
    assert clean(run(source, devnet)) == "[]\n"


def test_wanted_follows_the_level_of_the_logger() -> None:
    logger = logging.getLogger("amop")
    before = logger.level
    try:
        for level, number in [
            (logging.CRITICAL, 0),
            (logging.ERROR, 1),
            (logging.WARNING, 2),
            (logging.INFO, 3),
            (logging.DEBUG, 4),
            (_logging.TRACE, 5),
            (1, 5),
        ]:
            logger.setLevel(level)
            assert _logging.wanted() == number
    finally:
        logger.setLevel(before)


def test_lost_records_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "amop"):
        _logging.emit([(1.25, 3, "amop::client", "connected"), (2.0, 4, "amop::client", "detail")], 7)
    lost, connected = caplog.records
    assert lost.getMessage() == "7 records were discarded: logging is too slow"
    assert (connected.getMessage(), connected.levelname, connected.created, connected.msecs) == (
        "connected",
        "INFO",
        1.25,
        250,
    )


def test_logging_handler_may_call_the_library(devnet: Devnet) -> None:
    source = """
    import logging
    class Reenter(logging.Handler):
        busy = False
        def emit(self, record):
            if not self.busy:
                self.busy = True
                client.broadcast('log', record.getMessage())
    client = amop.connect(endpoints[0], credentials=credentials)
    other = amop.connect(endpoints[1], credentials=credentials)
    log = other.subscribe('log')
    logging.getLogger('amop').addHandler(Reenter())
    def fail(message):
        raise ValueError('logged')
    other.subscribe('fail', fail)
    client.publish('log', 'first', wait_for_subscriber=True)
    log.next()
    client.publish('fail', wait_for_subscriber=True)
    print(log.next().data)
    client.close()
    other.close()
    """
    assert clean(run(source, devnet)) == "b\"the handler of topic 'fail' failed\"\n"


def test_level_changes_are_noticed(devnet: Devnet, topic: str) -> None:
    # A changed level is noticed by later calls of the library.
    logger = logging.getLogger("amop")
    seen: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    keep = Keep()
    before = logger.level
    with devnet.connect(0) as client:
        subscription = client.subscribe(topic)
        logger.addHandler(keep)
        logger.setLevel(1)
        try:
            import time

            until = time.monotonic() + GUARD
            while not seen and time.monotonic() < until:
                with pytest.raises(amop.CallTimeoutError):
                    subscription.next(0.05)
                client.broadcast(topic)
        finally:
            logger.setLevel(before)
            logger.removeHandler(keep)
    assert seen
    assert _amop.VERSION
