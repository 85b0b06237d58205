"""The fixture ``amop_devnet`` for pytest: embedded nodes that run during a test.

::

    def test_greeting(amop_devnet):
        with amop_devnet.connect(0) as client:
            ...

    @pytest.mark.amop_devnet(nodes=3, like_2_11=True)
    def test_with_three_nodes(amop_devnet): ...

The mark takes the arguments of :class:`amop.devnet.Devnet`. Without it there are two nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .devnet import Devnet

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line(
        "markers", "amop_devnet(nodes=2, **options): the arguments of the nodes of the fixture amop_devnet"
    )


@pytest.fixture
def amop_devnet(request: pytest.FixtureRequest) -> Iterator[Devnet]:
    """Start embedded nodes, and stop them after the test."""
    mark = request.node.get_closest_marker("amop_devnet")
    with Devnet(*mark.args, **mark.kwargs) if mark else Devnet() as devnet:
        yield devnet
