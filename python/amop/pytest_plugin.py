"""The fixture ``amop_devnet`` for tests with pytest: embedded nodes that last as long as the test.

::

    def test_greeting(amop_devnet):
        with amop_devnet.connect(0) as client:
            ...

    @pytest.mark.amop_devnet(nodes=3, like_2_11=True)
    def test_with_three_nodes(amop_devnet): ...

The mark takes what :class:`amop.devnet.Devnet` does. Without it there are two nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .devnet import Devnet

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the mark."""
    config.addinivalue_line(
        "markers", "amop_devnet(nodes=2, **options): what the fixture amop_devnet starts its nodes with"
    )


@pytest.fixture
def amop_devnet(request: pytest.FixtureRequest) -> Iterator[Devnet]:
    """Embedded nodes that are stopped after the test."""
    mark = request.node.get_closest_marker("amop_devnet")
    with Devnet(*mark.args, **mark.kwargs) if mark else Devnet() as devnet:
        yield devnet
