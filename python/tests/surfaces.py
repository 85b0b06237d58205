"""The public names of each language, read from its sources: what bindings/concepts.json is compared with.

Only what users see: neither hidden items of Rust nor functions of the C interface that other languages express by the
life of an object, such as ``_new``, ``_clone`` and ``_free``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import amop
from amop import devnet as python_devnet
from amop import events as python_events

ROOT = Path(__file__).resolve().parents[2]
OBJECTS = ("Client", "Subscription", "Service", "Request", "Events", "PrivateTopic")
PRIVATE_FIGURES = ("PrivateTopicStats", "VerificationStats")
Surface = dict[str, set[str]]


def _read(*paths: str) -> str:
    return "\n".join((ROOT / path).read_text(encoding="utf-8") for path in paths)


def _without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)


def _block(text: str, start: str) -> str:
    """Return what follows ``start``, up to the line that closes its block."""
    match = re.search(start, text)
    assert match, start
    rest = text[match.end() :]
    return rest[: rest.index("\n}")]


def _prefixed(prefix: str, names: Iterable[str]) -> Iterator[str]:
    return (prefix + name for name in names)


# ---- Rust ----


def _rust_methods(path: str, kind: str) -> Iterator[str]:
    text = _read(path)
    for block in re.finditer(rf"(?m)^impl {kind} \{{\n(.*?)^\}}", text, re.DOTALL):
        for attributes, name, rest in re.findall(
            r"((?:^    (?:///|#\[)[^\n]*\n)*)    pub (?:async )?fn (\w+)([^{;]*)", block[1], re.MULTILINE
        ):
            if "doc(hidden)" not in attributes:
                yield name + (
                    " (setter)" if "mut self" in rest and "-> Self" in rest.replace(kind, "Self") else ""
                )


def _rust_fields(path: str, kind: str) -> list[str]:
    return re.findall(r"(?m)^    pub (\w+):", _block(_read(path), rf"pub struct {kind} \{{"))


def _rust_variants(path: str, kind: str) -> list[str]:
    return re.findall(r"(?m)^    ([A-Z]\w+)", _block(_read(path), rf"pub enum {kind} \{{"))


def rust() -> dict[str, set[str]]:
    """Return the surface of the Rust crates."""
    calls = {
        "Client": [("src/client/handle.rs", "Client")],
        "Subscription": [("src/client/subscription.rs", "Subscription")],
        "Requests": [("src/client/requests.rs", "Requests")],
        "RunningHandler": [("src/client/running_handler.rs", "RunningHandler")],
        "Request": [("src/delivery/request.rs", "Request")],
        "Events": [("src/client/events.rs", "Events")],
        "Subscribe": [("src/client/subscribe.rs", "Subscribe")],
        "Serve": [("src/client/serve.rs", "Serve")],
        "Publish": [("src/client/publish.rs", "Publish")],
        "Broadcast": [("src/client/publish.rs", "Broadcast")],
        "OpenPrivateTopic": [("src/client/private_topic.rs", "OpenPrivateTopic")],
        "PrivateTopic": [("src/client/private_topic.rs", "PrivateTopic")],
        "ClientBuilder": [("src/client/builder.rs", "ClientBuilder")],
    }
    found = {
        f"{owner}::{name}"
        for owner, places in calls.items()
        for place in places
        for name in _rust_methods(*place)
    }
    setters = {name.removesuffix(" (setter)") for name in found if name.endswith(" (setter)")}
    figures = set(_prefixed("Stats.", _rust_fields("src/client/stats.rs", "Stats")))
    figures |= set(_prefixed("EndpointStats.", _rust_fields("src/client/stats.rs", "EndpointStats")))
    lane = _rust_fields("src/delivery/lane/mod.rs", "SubscriptionStats")
    figures |= set(_prefixed("SubscriptionStats.", lane))
    for kind in PRIVATE_FIGURES:
        figures |= set(_prefixed(f"{kind}.", _rust_fields("src/client/private_stats.rs", kind)))
    return {
        "calls": {name for name in found if not name.endswith(" (setter)")},
        "options": setters,
        "errors": set(_rust_variants("src/error.rs", "ErrorKind")),
        "figures": figures,
        "events": set(_rust_variants("src/delivery/events.rs", "Event")),
    }


def devnet_verbs() -> set[str]:
    """Return the text commands of embedded nodes."""
    arms = _block(_read("devnet/src/control.rs"), r"match verb \{").split("_ => return Err")[0]
    patterns = re.findall(r"(?m)^            ((?:\"[a-z-]+\"(?: \| )?)+) =>", arms)
    return {verb for pattern in patterns for verb in re.findall(r"[a-z-]+", pattern)}


def devnet_documentation() -> dict[str, str]:
    """Return what each language states about the text commands. C++ refers to the C header."""
    header = _read("include/amop.h")
    source = _read("bindings/go/devnet/devnet.go")
    return {
        "c": header[: header.index("amop_devnet_control(")].rsplit("/**", 1)[1],
        "go": source[: source.index(") Control(")].rsplit("\n\n", 1)[1],
        "python": inspect.getdoc(python_devnet.Devnet.control) or "",
    }


# ---- C ----

C_OBJECTS = (
    "client",
    "subscription",
    "service",
    "request",
    "events",
    "private_topic",
    "call",
    "completion_queue",
)


def c() -> dict[str, set[str]]:
    """Return the surface of the C header."""
    text = _without_comments(_read("include/amop.h"))
    functions = set(re.findall(r"\b(amop_\w+)\(", text))
    functions = {name for name in functions if not re.search(r"_(new|clone|free)$", name) or "devnet" in name}
    calls = {name for name in functions if re.match(rf"amop_({'|'.join(C_OBJECTS)})_", name)}
    options = {
        name for name in functions if re.match(r"amop_\w*options_(set|add)", name) and "devnet" not in name
    }
    return {
        "calls": calls,
        "options": options,
        "errors": set(re.findall(r"\b(AMOP_ERROR_\w+) =", text)),
        # Lists of texts have functions instead of numbers.
        "figures": set(re.findall(r"\b(AMOP_STAT_\w+) =", text))
        | {name for name in functions if re.match(r"amop_stats_(private_topic|verification)", name)},
        "events": set(re.findall(r"\b(AMOP_EVENT_\w+) =", text)) - {"AMOP_EVENT_NONE"},
        "devnet": {
            name for name in functions if name.startswith("amop_devnet_") and not name.endswith("_free")
        }
        - {"amop_devnet_options_new"},
    }


# ---- C++ ----


def _cpp_class(path: str, kind: str) -> str:
    block = _block(
        _without_comments(_read(path)), rf"(?m)^(?:class|struct) (?:\[\[\w+\]\] )?{kind}\b[^{{;]*\{{"
    )
    return re.split(r"(?m)^(?:private|protected):", block)[0]


def _cpp_methods(path: str, kind: str) -> Iterator[str]:
    for line in re.findall(r"(?m)^    ([^\n]*?\b\w+)\(", _cpp_class(path, kind)):
        name = line.split()[-1].lstrip("&*")
        if re.match(r"\s|return|if|for|while|static_assert|detail::|template", line):
            continue
        if (
            name not in (kind, "get", "to_c", "timeout_to_c", "operator", "begin", "end")
            and "operator" not in line
            and " " in line
        ):
            yield name


def _cpp_fields(path: str, kind: str) -> Iterator[str]:
    return iter(re.findall(r"(?m)^    [\w:<>]+ (\w+)(?: = [^;]+|\{\})?;", _cpp_class(path, kind)))


def _cpp_enumerators(path: str, kind: str) -> set[str]:
    return set(re.findall(r"(?m)^    (\w+) =", _block(_read(path), rf"enum class {kind} [^{{]*\{{")))


def cpp() -> dict[str, set[str]]:
    """Return the surface of the C++ headers."""
    header = {
        "Client": "client",
        "Subscription": "subscription",
        "Service": "service",
        "Request": "service",
        "Events": "event",
        "PrivateTopic": "private_topic",
        "Call": "completion",
        "CompletionQueue": "completion",
    }
    options = {
        "Options": "options",
        "SubscribeOptions": "subscription",
        "ServeOptions": "service",
        "PublishOptions": "publish",
    }
    figures = ("SubscriptionStats", "EndpointStats", "Stats", *PRIVATE_FIGURES)
    return {
        "calls": {
            f"{kind}::{name}"
            for kind, file in header.items()
            for name in _cpp_methods(f"include/amop/{file}.hpp", kind)
        }
        # The base class of Client.
        | set(_prefixed("Client::", _cpp_methods("include/amop/asynchronous.hpp", "Asynchronous"))),
        "options": {
            f"{kind}::{name}"
            for kind, file in options.items()
            for name in _cpp_methods(f"include/amop/{file}.hpp", kind)
        },
        "errors": _cpp_enumerators("include/amop/error.hpp", "Code") - {"ok"},
        "figures": {
            f"{kind}.{name}" for kind in figures for name in _cpp_fields("include/amop/stats.hpp", kind)
        },
        "events": _cpp_enumerators("include/amop/event.hpp", "EventKind") - {"none"},
        "devnet": {
            f"{kind}::{name}"
            for kind in ("Devnet", "DevnetOptions")
            for name in _cpp_methods("include/amop/devnet.hpp", kind)
        },
    }


# ---- Go ----


def _go_sources(folder: str) -> str:
    files = sorted((ROOT / folder).glob("*.go"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files if not file.name.endswith("_test.go"))


def _go_fields(text: str, kind: str) -> Iterator[str]:
    for line in _block(text, rf"(?m)^type {kind} struct \{{").splitlines():
        match = re.match(r"\t([A-Z]\w*(?:, [A-Z]\w*)*) ", line)
        if match:
            yield from match[1].split(", ")


def go() -> dict[str, set[str]]:
    """Return the surface of the Go packages."""
    text = _go_sources("bindings/go")
    nodes = _go_sources("bindings/go/devnet")
    methods = re.findall(r"(?m)^func \(\w+ \*?(\w+)\) ([A-Z]\w*)\(", text)
    # What services and subscriptions have in common.
    objects = {"lane": ("Subscription", "Service")}
    calls = {
        f"{kind}.{name}"
        for owner, name in methods
        for kind in objects.get(owner, (owner,))
        if kind in (*OBJECTS, "Call")
    }
    kinds = "Option|LaneOption|CallOption|RetryOption|SubscribeOption|ServeOption|PublishOption"
    options = rf"(?m)^func ([A-Z]\w*)\([^)]*\) (?:{kinds}) "
    return {
        "calls": calls | {"Connect"},
        "options": set(re.findall(options, text)),
        "errors": set(re.findall(r"(?m)^\t(Err[A-Z]\w*)\s+Code = ", text)),
        "figures": {
            f"{kind}.{name}"
            for kind in ("LaneStats", "EndpointStats", "Stats", *PRIVATE_FIGURES)
            for name in _go_fields(text, kind)
        },
        "events": set(re.findall(r"(?m)^\t(Event[A-Z]\w*)\s+EventKind = ", text)),
        "devnet": {
            f"Devnet.{name}" for _, name in re.findall(r"(?m)^func \(\w+ \*(Devnet)\) ([A-Z]\w*)\(", nodes)
        }
        | set(re.findall(r"(?m)^func ([A-Z]\w*)\([^)]*\) Option ", nodes))
        | {"Start"},
    }


# ---- Python ----


def _public(kind: type) -> Iterator[str]:
    return (f"{kind.__name__}.{name}" for name in dir(kind) if not name.startswith("_"))


def _arguments(function: Any) -> Iterator[str]:
    skipped = ("self", "topic", "handler", "data", "endpoints", "options")
    return (
        f"{function.__name__}({name})"
        for name in inspect.signature(function).parameters
        if name not in skipped
    )


def python() -> dict[str, set[str]]:
    """Return the surface of the Python package, as a program sees it."""
    calls = {name for kind in OBJECTS for name in _public(getattr(amop, kind))} | {"connect"}
    # A request is a message, whose parts are no calls.
    calls -= {f"Request.{name.split('.')[1]}" for name in _public(amop.Message)} | {"Request.FAILED"}
    options = set(amop.ClientOptions.__annotations__) | {"endpoints"}
    for function in (amop.Client.subscribe, amop.Client.serve, amop.Client.publish, amop.Client.broadcast):
        options |= set(_arguments(function))
    snapshots: list[type] = [amop.Stats, amop.EndpointStats, amop.SubscriptionStats]
    snapshots += [amop.PrivateTopicStats, amop.VerificationStats]
    figures = {name for kind in snapshots for name in _public(kind)}
    nodes = set(_public(python_devnet.Devnet)) | set(_arguments(python_devnet.Devnet))
    return {
        "calls": calls,
        "options": options,
        "errors": set(amop.ErrorKind.__members__),
        "figures": {name for name in figures if not name.endswith(".asdict")},
        "events": {
            name
            for name, kind in vars(python_events).items()
            if inspect.isclass(kind) and issubclass(kind, python_events.Event)
        }
        - {"Event"},
        "devnet": nodes,
    }


LANGUAGES = {"rust": rust, "c": c, "cpp": cpp, "go": go, "python": python}
