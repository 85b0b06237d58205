"""The example programs as processes, with every line of their output."""

from __future__ import annotations

import datetime
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from guard import GUARD

from amop.devnet import Devnet

EXAMPLES = Path(__file__).parents[2] / "examples" / "python"
TEXTS = {
    "unicast_publisher": "hello, FISCO BCOS, I am unique broadcast publisher! ",
    "multicast_publisher": "hello, FISCO BCOS, I am multi broadcast publisher! ",
}


class Program:
    """A running example, whose output is read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: queue.Queue[str] = queue.Queue()
        self.error_lines: queue.Queue[str] = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read, args=pair)
            for pair in ((process.stdout, self.lines), (process.stderr, self.error_lines))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: Iterator[str], lines: queue.Queue[str]) -> None:
        for line in stream:
            lines.put(line.removesuffix("\n"))

    def line(self) -> str:
        return self.lines.get(timeout=GUARD)

    def error_line(self) -> str:
        return self.error_lines.get(timeout=GUARD)

    def end(self) -> tuple[int, list[str], list[str]]:
        code = self.process.wait(GUARD)
        for reader in self._readers:
            reader.join(GUARD)
        return code, list(self.lines.queue), list(self.error_lines.queue)

    def interrupted(self) -> tuple[int, list[str], list[str]]:
        self.process.send_signal(signal.SIGINT)
        return self.end()


@contextmanager
def example(name: str, devnet: Devnet, *arguments: str) -> Generator[Program]:
    environment = os.environ | {"AMOP_CREDENTIALS": str(devnet.credentials)}
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        program = Program(process)
        try:
            yield program
        finally:
            process.kill()
            program.end()
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            process.stderr.close()


def without_time(line: str) -> str:
    """Remove the local time from a line, and check its format."""
    now = datetime.datetime.now()
    then = datetime.datetime.strptime(line[:19], "%Y/%m/%d %H:%M:%S")
    assert now - datetime.timedelta(seconds=2 * GUARD) < then <= now, line
    assert line[19] == " "
    return line[20:]


@pytest.mark.parametrize("face", ["", "aio_"], ids=["threads", "asyncio"])
def test_subscriber_prints_messages_of_both_publishers(devnet: Devnet, topic: str, face: str) -> None:
    here, there = devnet.endpoints
    with example(f"{face}subscriber", devnet, there, topic, "--count", "4") as subscriber:
        assert subscriber.line() == "Subscriber success"
        for name, text in TEXTS.items():
            with example(
                f"{face}{name}", devnet, here, topic, "--count", "2", "--interval", "0"
            ) as publisher:
                for number in range(2):
                    assert without_time(publisher.line()) == f"publish message: {text}{number}"
                    assert without_time(subscriber.line()) == f"received: {text}{number}"
                assert publisher.end() == (0, [], [])
        assert subscriber.end() == (0, [], [])


@pytest.mark.parametrize("face", ["", "aio_"], ids=["threads", "asyncio"])
def test_publisher_reports_missing_subscriber_until_ctrl_c(devnet: Devnet, topic: str, face: str) -> None:
    here, there = devnet.endpoints
    with example(f"{face}unicast_publisher", devnet, here, topic, "--interval", "0.05") as publisher:
        for number in range(2):
            said = without_time(publisher.error_line())
            assert said.startswith(f"message {number} failed: ")
            assert "subscribe" in said
        with example(f"{face}subscriber", devnet, there, topic) as subscriber:
            assert subscriber.line() == "Subscriber success"
            assert without_time(subscriber.line()).startswith(f"received: {TEXTS['unicast_publisher']}")
            assert without_time(publisher.line()).startswith("publish message: ")
            code, _, said_then = publisher.interrupted()
            assert code == 0
            assert not [line for line in said_then if " failed: " not in line]
            code, _, said_then = subscriber.interrupted()
            assert (code, said_then) == (0, [])


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        (f"{face}{name}", endpoint)
        for face in ("", "aio_")
        for name, endpoint in [
            ("subscriber", "127.0.0.1:20201"),
            ("unicast_publisher", "127.0.0.1:20200"),
            ("multicast_publisher", "127.0.0.1:20200"),
        ]
    ],
)
def test_help_names_the_ports_of_the_first_two_nodes(devnet: Devnet, name: str, endpoint: str) -> None:
    with example(name, devnet, "--help") as program:
        code, lines, said = program.end()
    text = " ".join(" ".join(lines).split())
    assert (code, said) == (0, [])
    assert f"[default: {endpoint}]" in text
    assert "[default: hello]" in text


def test_service_answers_and_fails(devnet: Devnet, topic: str) -> None:
    here, there = devnet.endpoints
    with example("service", devnet, there, topic) as program:
        assert program.line() == f"serving {topic}"
        with example("request", devnet, here, topic, "apple") as request:
            assert request.end() == (0, ["1.20"], [])
        with example("request", devnet, here, topic, "plum") as request:
            assert request.end() == (1, [], ["the service failed with code 1: no price for plum"])
        assert program.interrupted() == (0, [], [])


def test_web_service_publishes_and_reports_errors(devnet: Devnet, topic: str) -> None:
    for module in ("fastapi", "uvicorn", "httpx"):
        pytest.importorskip(module, reason=f"{module} is not installed: make setup installs it")
    import httpx

    here = devnet.endpoints[0]
    with example("web", devnet, "--node", here, "--port", "0") as program, devnet.connect(1) as client:
        address = None
        while address is None:
            address = re.search(r"Uvicorn running on (\S+)", program.error_line())
        client.serve(topic, lambda request: b"you sent " + request.data)
        news = client.subscribe(f"{topic} news")
        with devnet.connect(0) as publisher:
            # Until the node of the web service knows both topics.
            for name in (topic, f"{topic} news"):
                publisher.publish(name, "first", wait_for_subscriber=True)
        assert news.next().data == b"first"

        with httpx.Client(base_url=address[1], timeout=GUARD) as http:
            answer = http.post(f"/topics/{topic}/request", content=b"rain")
            assert (answer.status_code, answer.content) == (200, b"you sent rain")
            answer = http.post(f"/topics/{topic} news/broadcast", content=b"sun")
            assert answer.status_code == 202
            assert news.next().data == b"sun"
            answer = http.post("/topics/nobody/request", content=b"rain")
            assert (answer.status_code, answer.json()["error"]) == (404, "NO_SUBSCRIBER")
            # A node may report after some time that all subscribers have failed, so that a late answer is `maybe`.
            assert answer.json()["delivered"] in {"no", "maybe"}
            answer = http.get("/health")
            assert (answer.status_code, answer.json()) == (200, {"nodes": [here]})
        code, lines, _ = program.interrupted()
        assert (code, lines) == (0, [])


def test_slow_consumer_shows_both_overflow_policies(devnet: Devnet) -> None:
    with example("slow_consumer", devnet) as program:
        code, lines, said = program.end()
    assert (code, said) == (0, [])
    assert lines == [
        "message 3: SUBSCRIBER_BUSY, retriable: True",
        "message 4: SUBSCRIBER_BUSY, retriable: True",
        "event: SlowConsumer(topic='refuse')",
        "read: ['0', '1', '2']",
        "amop.SubscriptionStats(held_messages=0, held_bytes=0, accepted=3, refused=2, dropped=0)",
        "read: ['2', '3', '4']",
        "amop.SubscriptionStats(held_messages=0, held_bytes=0, accepted=5, refused=0, dropped=2)",
    ]
