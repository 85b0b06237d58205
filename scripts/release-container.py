#!/usr/bin/env python3
"""Run the steps of packaging/container in fresh roots, where no container engine is: release-container.py [COMMAND].

Each stage of the Dockerfile gets a root that debootstrap makes, since its base images are Debian: COPY and RUN are
carried out in it. The stage that compiles needs a Rust that is newer than Debian's, so the toolchain of this machine
is mounted into it; with COMMAND, the path of a command `amop` that was built before, that stage is left out. Then the
services of compose.yaml run in the last root, each with its own arguments, until the client has received a reply. They
have a network of their own, because another program of this machine may use their ports.

scripts/release-container.sh runs it. Needs root, debootstrap, iproute2 and PyYAML.
"""

from __future__ import annotations

import importlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGING = REPOSITORY / "packaging" / "container"
# What keeps the build in a fresh root short: its result is only tried, not published.
QUICK = [
    "CARGO_PROFILE_RELEASE_LTO=off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL=1",
]
# How long the services may take to start, in seconds.
PATIENCE = 120


class Stage:
    """A stage of the Dockerfile: a root, and where and as whom its commands run."""

    def __init__(self, root: Path, image: str) -> None:
        self.root = root
        self.folder = "/"
        self.user = "root"
        self.entry: list[str] = []
        self.command: list[str] = []
        self.compiles = "/rust:" in image
        run("scripts/release-root.sh", "make", str(root), "bookworm")
        if self.compiles:
            # What the image of Rust has besides its toolchain.
            self.shell(
                "apt-get install --quiet --quiet --yes --no-install-recommends gcc libc6-dev ca-certificates python3"
            )

    def inside(self, *command: str) -> list[str]:
        """Return the command line that runs `command` in the root."""
        cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
        rustup = Path(os.environ.get("RUSTUP_HOME", Path.home() / ".rustup"))
        mounts = [f"{cargo}:/root/.cargo", f"{rustup}:/root/.rustup"] if self.compiles else []
        line = f"cd {shlex.quote(self.folder)} && exec {shlex.join(command)}"
        if self.user != "root":
            line = f"exec runuser --user {self.user} -- sh -c {shlex.quote(line)}"
        if self.compiles:
            line = f"export PATH=/root/.cargo/bin:$PATH {' '.join(QUICK)}; {line}"
        return [
            "scripts/release-root.sh",
            "run",
            str(self.root),
            *[f"--mount={mount}" for mount in mounts],
            "sh",
            "-c",
            line,
        ]

    def shell(self, line: str) -> None:
        """Run a line of shell in the root."""
        run(*self.inside("sh", "-eu", "-c", line))

    def copy(self, source: Path, to: str) -> None:
        """Copy a file, or the content of a folder."""
        target = self.root / (Path(self.folder) / to).relative_to("/")
        if source.is_dir():
            listed = subprocess.run(["git", "ls-files", "-z"], cwd=source, check=True, stdout=subprocess.PIPE)  # noqa: S607
            for name in filter(None, listed.stdout.decode().split("\0")):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source / name, target / name)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def run(*command: str) -> None:
    """Run a command in the repository; one that fails ends the script."""
    subprocess.run(command, cwd=REPOSITORY, check=True)  # noqa: S603


def words(arguments: str) -> list[str]:
    """Return the words of the JSON form of an instruction."""
    return [str(word) for word in json.loads(arguments)]


def made(work: Path, built: Path, name: str) -> Path:
    """Return a file of the stage that compiles, without having run it."""
    if name == "THIRD-PARTY":
        notices = work / name
        with notices.open("wb") as output:
            command = ["scripts/third-party.py", "amop-cli"]
            subprocess.run(command, cwd=REPOSITORY, check=True, stdout=output)  # noqa: S603
        return notices
    return built if name.endswith(f"/{built.name}") else REPOSITORY / name


def build(work: Path, built: Path | None) -> Stage:
    """Carry out the Dockerfile and return its last stage."""
    stages: dict[str, Stage | None] = {}
    stage: Stage | None = None
    for line in (PACKAGING / "Dockerfile").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        instruction, arguments = line.split(maxsplit=1)
        if instruction == "FROM":
            image, _, name = arguments.partition(" AS ")
            skipped = built is not None and "/rust:" in image
            stage = None if skipped else Stage(work / (name or "last"), image)
            stages[name] = stage
        elif stage is None:
            continue
        elif instruction == "COPY":
            *options, source, to = arguments.split()
            origin = next((option.removeprefix("--from=") for option in options), None)
            first = stages[origin] if origin else None
            if first is not None:
                stage.copy(first.root / source.lstrip("/"), to)
            elif origin and built:
                stage.copy(made(work, built, source.removeprefix("/source/")), to)
            else:
                stage.copy(REPOSITORY / source, to)
        elif instruction == "RUN":
            stage.shell(arguments)
        elif instruction == "WORKDIR":
            stage.folder = arguments
        elif instruction == "USER":
            stage.user = arguments
        elif instruction == "ENTRYPOINT":
            stage.entry = words(arguments)
        elif instruction == "CMD":
            stage.command = words(arguments)
        elif instruction not in {"VOLUME", "EXPOSE", "LABEL"}:
            sys.exit(f"the script doesn't know the instruction {instruction}")
    if stage is None:
        sys.exit("the Dockerfile has no stage")
    return stage


@contextmanager
def own_network() -> Generator[list[str]]:
    """Make a network with a loopback and nothing else, and yield the words before a command that runs in it."""
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec cat"],  # noqa: S607
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        if not (holder.stdout and holder.stdout.readline()):
            sys.exit("the services need a network of their own")
        yield ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
    finally:
        # Closes its input, at whose end it ends.
        holder.communicate()


def compose(stage: Stage, work: Path, network: list[str]) -> None:
    """Run the services of compose.yaml: all in the root of `stage`, and in `network`."""
    # Has no type information.
    yaml = importlib.import_module("yaml")
    services: dict[str, Any] = yaml.safe_load((PACKAGING / "compose.yaml").read_text())["services"]
    # Volume `nodes` is one folder; the names of the services are names of this machine.
    (stage.root / "nodes").symlink_to("/var/lib/amop/nodes")
    running: list[subprocess.Popen[bytes]] = []
    outputs = {name: work / name for name in services}
    try:
        for name, service in services.items():
            given = service.get("command", stage.command)
            arguments = [str(word).replace("nodes:2020", "127.0.0.1:2020") for word in given]
            with outputs[name].open("wb") as output:
                running.append(
                    subprocess.Popen(  # noqa: S603
                        [*network, *stage.inside(*stage.entry, *arguments)],
                        cwd=REPOSITORY,
                        stdout=output,
                        start_new_session=True,
                    )
                )
            if "healthcheck" in service:
                check = stage.inside(*[str(word) for word in service["healthcheck"]["test"][1:]])
                wait(partial(succeeds, [*network, *check]), running, name)
        wait(lambda: b"hello" in outputs["client"].read_bytes(), running, "client")
        received = outputs["client"].read_text().splitlines()[0]
        print(f"services {', '.join(services)}: the client received {received!r}")
    finally:
        for process in reversed(running):
            # All that it has started is in its group.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def succeeds(command: list[str]) -> bool:
    """Run a command without showing its output."""
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True).returncode == 0  # noqa: S603


def wait(until: Callable[[], bool], running: list[subprocess.Popen[bytes]], what: str) -> None:
    """Wait for a condition, as long as all services run."""
    for _ in range(PATIENCE * 5):
        if until():
            return
        if any(process.poll() is not None for process in running):
            sys.exit(f"a service ended before {what} was ready")
        time.sleep(0.2)
    sys.exit(f"{what} is not ready after {PATIENCE} s")


def main(built: Path | None) -> None:
    work = Path(tempfile.mkdtemp())
    try:
        stage = build(work, built)
        run(*stage.inside(*stage.entry, "demo"))
        with own_network() as network:
            compose(stage, work, network)
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", str(work)], check=True)  # noqa: S603, S607


main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None)
