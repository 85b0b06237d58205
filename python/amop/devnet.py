"""Embedded nodes: AMOP nodes in this process, for tests and trials.

::

    with amop.devnet.Devnet(nodes=2) as devnet:
        with amop.connect(devnet.endpoints[0], credentials=devnet.credentials) as client:
            ...

They behave like nodes of release 2.7.2, with ``like_2_11`` like those of release 2.11.2; with
``generation="3"`` like nodes of 3.x, with ``like_3_16`` in addition like those of release 3.16. A message published at
one reaches a subscriber at another. The pytest fixture ``amop_devnet`` is such a devnet.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import warnings
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import _amop
from ._client import Client

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self, Unpack

    from ._options import ClientOptions, TlsChoice
    from ._words import Generation

__all__ = ["Devnet"]


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__name__"]


class Devnet:
    """Nodes in this process, on a thread of their own. They run until stop(), or the end of ``with``.

    It may be used from any number of threads and with asyncio: no method takes long, except stop() with clients that
    don't read.

    :param nodes: the number of nodes, at least 1.
    :param port: the port of the first node on 127.0.0.1; the others use the ports that follow; 0: any free ports.
    :param folder: the folder for the certificates, with the layout of the official chain script. It is created if it
        does not exist, else its certificates are used. Default: a temporary folder that is deleted with the devnet.
    :param tls: the kind of TLS. For nodes of generation 2: ``ecdhe`` (secp256k1 certificates), ``static-rsa`` (RSA
        certificates; creating a key takes up to a second) or ``gm`` (SM2 certificates); for nodes of generation 3:
        ``ecdhe`` (RSA certificates) or ``tlcp`` (SM2 certificates); for both ``off``, with which clients need no
        credentials. A folder holds a chain of one kind.
    :param generation: the generation of the nodes, ``2`` or ``3``.
    :param like_2_11: whether to imitate the flaws of nodes of release 2.11.2: messages to clients of the same node are
        lost, which a node chooses in some seconds, topics take 5 s to reach other nodes, frames overtake each other
        and wait for acknowledgements (Nagle's algorithm).
    :param like_3_16: whether to imitate the observed behaviour of nodes of release 3.16, for nodes of generation 3:
        topics take up to 2 s to reach other nodes, and of the messages that arrive together the last is processed
        first.
    :param nagle: whether to imitate only Nagle's algorithm: the second of two frames is not sent before the client has
        acknowledged the first.
    :raises NodeConnectionError: a port is in use.
    :raises CredentialsError: the folder contains other files.
    :raises ArgumentError: there would be no node, or not enough ports.
    """

    def __init__(
        self,
        nodes: int = 2,
        *,
        port: int = 0,
        folder: str | os.PathLike[str] | None = None,
        tls: TlsChoice = "ecdhe",
        generation: Generation | Literal["2", "3"] = "2",
        like_2_11: bool = False,
        like_3_16: bool = False,
        nagle: bool = False,
    ) -> None:
        self._remove_folder: weakref.finalize[[str, int], Devnet] | None
        if folder is None and tls != "off":
            folder = tempfile.mkdtemp(prefix="amop-devnet-")
            self._remove_folder = weakref.finalize(self, _remove, folder, os.getpid())
        else:
            self._remove_folder = None
        self._native = _amop.Devnet(nodes, port, folder, tls, generation, like_2_11, like_3_16, nagle)
        self._folder = None if folder is None or tls == "off" else Path(folder)
        self._running = True
        self._process = os.getpid()

    @property
    def endpoints(self) -> list[str]:
        """The addresses of the nodes, such as ``127.0.0.1:20200``."""
        return self._native.endpoints

    @property
    def credentials(self) -> Path:
        """The folder with the credentials for clients.

        :raises AttributeError: the nodes use no TLS.
        """
        if self._folder is None:
            raise AttributeError("the nodes use no TLS (tls is off), so that clients need no credentials")
        return self._folder / "sdk"

    def connect(self, node: int = 0, **options: Unpack[ClientOptions]) -> Client:
        """Connect a client to one node, with the credentials of the devnet, or without TLS if its nodes have none.

        :param node: the index of the node, from 0.
        :param options: see :class:`amop.ClientOptions`.
        :raises IndexError: there is no such node.
        :raises Error: as for :func:`amop.connect`.
        """
        if self._folder is None:
            options.setdefault("tls", "off")
        elif "credentials" not in options:
            options["credentials"] = self.credentials
        return Client(self.endpoints[node], **options)

    def kill(self, node: int) -> None:
        """Kill a node, as a crash does: afterwards its port is closed and its sessions are cut.

        :raises ArgumentError: there is no such node.
        :raises ClosedError: the devnet has been stopped.
        """
        self.control(f"kill {node}")

    def restart(self, node: int) -> None:
        """Restart a killed node on the same port. Do nothing if the node runs.

        :raises NodeConnectionError: the port is in use.
        :raises ArgumentError: there is no such node.
        :raises ClosedError: the devnet has been stopped.
        """
        self.control(f"restart {node}")

    def freeze(self, node: int) -> None:
        """Suspend a node: it keeps its port and sessions, but does nothing.

        :raises ArgumentError: there is no such node.
        :raises ClosedError: the devnet has been stopped.
        """
        self.control(f"freeze {node}")

    def thaw(self, node: int) -> None:
        """Resume a suspended node.

        :raises ArgumentError: there is no such node.
        :raises ClosedError: the devnet has been stopped.
        """
        self.control(f"thaw {node}")

    def clock_offset(self, node: int, seconds: float) -> None:
        """Set by how much the clock of a node is ahead of this machine's. Negative: behind.

        With ``like_2_11`` the second of its clock decides what a node chooses. Nothing else depends on it.

        :raises ArgumentError: there is no such node.
        :raises ClosedError: the devnet has been stopped.
        """
        self.control(f"clock-offset {node} {seconds}")

    def cut_sessions(self, node: int) -> None:
        """Cut all connections of a node's clients, without an orderly close.

        :raises ArgumentError: there is no such node.
        :raises ClosedError: the devnet has been stopped.
        """
        self.control(f"cut-sessions {node}")

    def topics(self, node: int) -> list[str]:
        """Return the topics that the clients of a node subscribe to, sorted.

        :raises ClosedError: the devnet has been stopped.
        """
        return sorted({topic for session in self._sessions(node) for topic in session["topics"]})

    def sessions(self, node: int) -> int:
        """Return the number of clients that are connected to a node.

        :raises ClosedError: the devnet has been stopped.
        """
        return len(self._sessions(node))

    def control(self, command: str) -> dict[str, Any]:
        """Run a text command and return its answer.

        Nodes are counted from 0. ``sessions`` returns the numbers of sessions.

        - ``kill``, ``restart``, ``freeze``, ``thaw``, ``close-port``, ``open-port``, ``cut-sessions``,
          ``reset-sessions`` NODE; ``cut-link``, ``restore-link`` NODE NODE
        - ``clock-offset NODE SECONDS``: see :meth:`clock_offset`
        - ``push-limit SECONDS``: how long a node waits for the reply of one session, 5 s at first and 30 s at
          nodes of 3.x
        - ``on-connect NODE`` ``serve``, ``close``, ``reset``, ``stall`` or ``garbage``: what the node does with
          new connections
        - ``certificate NODE`` ``valid``, ``expired``, ``early`` or ``foreign``
        - ``close``, ``cut``, ``reset``, ``stall``, ``resume`` SESSION
        - ``fault`` and what happens: ``lose``, ``delay=SECONDS``, ``twice``, ``other-seq``, ``other-type=TYPE``,
          ``garbage``, ``cut``, ``close``, ``reset``, ``stall``; then restrictions: ``from-clients``, ``node=0``,
          ``session=0``, ``type=0x31``, ``after=1``, ``times=1``, ``chance=0.5`` and, at the end, ``topic=hello``
        - ``hits ID``, ``remove-fault ID``, ``clear-faults``, ``block NUMBER``, ``sessions``, ``counters``

        ::

            fault = devnet.control("fault lose type=0x31 times=1 topic=hello")["fault"]
            ...
            assert devnet.control(f"hits {fault}") == {"hits": 1}

        :returns: the answer, which is empty for most commands.
        :raises ArgumentError: the command is invalid, or its node, session or fault does not exist.
        :raises NodeConnectionError: a port is in use.
        :raises ClosedError: the devnet has been stopped.
        """
        answer: dict[str, Any] = json.loads(self._native.control(command))
        return answer

    def _sessions(self, node: int) -> list[dict[str, Any]]:
        return [session for session in self.control("sessions")["sessions"] if session["node"] == node]

    def stop(self) -> None:
        """Stop all nodes. Afterwards their connections are closed and their threads have finished.

        A second call does nothing.

        :raises ForkError: in a child process of a fork.
        """
        self._running = False
        self._native.stop()
        if self._remove_folder is not None:
            self._remove_folder()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "" if self._running else " stopped"
        return f"<amop.devnet.Devnet {', '.join(self.endpoints)}{state}>"

    def __del__(self) -> None:
        # A devnet that could not be started has no such attributes.
        if getattr(self, "_running", False) and self._process == os.getpid():
            warnings.warn(f"unstopped {self!r}", ResourceWarning, source=self, stacklevel=2)


def _remove(folder: str, process: int) -> None:
    # A child process of a fork has a copy of this, but its parent owns the folder.
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
