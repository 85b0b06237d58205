"""Fixtures: two nodes for all tests, a client of each for one test, and a topic that no other test uses."""

from __future__ import annotations

import itertools
import signal
from typing import TYPE_CHECKING

import pytest
from guard import PATIENT, PatientDevnet

import amop
from amop.devnet import Devnet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytest_plugins = ["pytester"]

_numbers = itertools.count()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Ctrl-C is ignored under nohup and in background jobs of shells. Programs that tests start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def devnet() -> Iterator[Devnet]:
    with PatientDevnet(nodes=2) as devnet:
        yield devnet.patient()


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    return f"{request.node.originalname[:200]} {next(_numbers)}"


@pytest.fixture
def publisher(devnet: Devnet) -> Iterator[amop.Client]:
    with devnet.connect(0) as client:
        yield client


@pytest.fixture
def subscriber(devnet: Devnet) -> Iterator[amop.Client]:
    with devnet.connect(1) as client:
        yield client


@pytest.fixture
async def aio_publisher(devnet: Devnet) -> AsyncIterator[amop.aio.Client]:
    async with amop.aio.connect(devnet.endpoints[0], credentials=devnet.credentials, **PATIENT) as client:
        yield client


@pytest.fixture
async def aio_subscriber(devnet: Devnet) -> AsyncIterator[amop.aio.Client]:
    async with amop.aio.connect(devnet.endpoints[1], credentials=devnet.credentials, **PATIENT) as client:
        yield client
