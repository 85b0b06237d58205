"""Runs one of the programs of the documentation, for the tests: ``run_tasks.py NAME ENDPOINT [SECOND THIRD]``."""

import signal
import sys

import tasks

import amop


def run(name: str, endpoint: str, others: list[str]) -> None:
    # Programs that connect themselves, or not at all.
    match name:
        case "nodes":
            for state in tasks.nodes(endpoint, *others).stats().endpoints:
                print(state.endpoint)
            return
        case "credentials":
            tasks.credentials(endpoint)
            return
        case "configuration":
            tasks.configuration()
            return
        case "testing":
            tasks.testing()
            return
        case "log":
            tasks.log()
        case _:
            pass

    # The tests don't depend on the speed of the machine.
    with amop.connect(endpoint, call_timeout=60) as client:
        match name:
            case "serve" | "log":
                tasks.serve(client)
                print("serving", flush=True)
                signal.pause()
            case "events":
                print("connected", flush=True)
                tasks.events(client)
            case "private":
                with amop.connect(others[0]) as subscriber:
                    tasks.private(client, subscriber)
                print("done")
            case _:
                getattr(tasks, name)(client)


sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
run(sys.argv[1], sys.argv[2], sys.argv[3:])
