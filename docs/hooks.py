"""Hooks of the documentation site.

They make the page of error codes and the one of the Go reference, link the references that scripts/docs.sh has built, rewrite
links out of docs/, put diagrams into boxes that scroll, and hide what rustdoc hides.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).parents[1]
KIND = re.compile(r"((?:^    ///.*\n)+)^    (\w+) = (\d+),$", re.MULTILINE)


def error_page(source: str) -> str:
    """Return the page of all error codes from the documentation of ``ErrorKind``: a section each, so that they are found."""
    body = source.split("pub enum ErrorKind {", 1)[1].split("\n}\n", 1)[0]
    sections = []
    for comment, name, code in KIND.findall(body):
        text = " ".join(line.strip().removeprefix("///").strip() for line in comment.splitlines())
        cause, found, remedy = text.partition("Remedy: ")
        if not found:
            raise PluginError(f"src/error.rs: {name} has no line that begins with `Remedy: `")
        # A link of rustdoc, such as [`Error::node_code`].
        cause = re.sub(r"\[(`[^`]+`)\]", r"\1", cause)
        upper = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
        sections.append(
            f"## {code} {name} {{#{upper.lower()}}}\n\n`{upper}`: {cause.strip()}\n\n**Remedy:** {remedy.strip()}\n"
        )
    if len(sections) != len(re.findall(r"^    \w+ = \d+,$", body, re.MULTILINE)):
        raise PluginError("src/error.rs: an error kind has no documentation")
    return "\n".join(
        [
            "# Error codes",
            "",
            "Every error has a kind with a stable number, which is the same in each language. Rust and Go write it as",
            "`ErrorKind::NoSubscriber` and `amop.ErrNoSubscriber`, C and Python in capitals, as in",
            "`AMOP_ERROR_NO_SUBSCRIBER`, C++ as `amop::Code::no_subscriber`.",
            "",
            "Besides its kind an error has a text, states whether the message may have been delivered (`delivery`) and",
            "whether the same call may succeed later (`retriable`), and has the node's code and the subscriber's data",
            "if there are any. See [what an error states](concepts/delivery.md#what-an-error-states).",
            "",
            *sections,
        ]
    )


def go_reference(text: str) -> str:
    """Return the page of the Go reference from the output of ``go doc -all`` for each package."""
    packages = re.split(r"^(?=package \w+ // import)", text, flags=re.MULTILINE)
    # Pages come before it in the results of the search.
    parts = ["---\nsearch:\n  boost: 0.2\n---\n", "# Go reference\n"]
    for package in filter(None, packages):
        first, rest = package.split("\n", 1)
        name = first.split(" // import ")[0].removeprefix("package ")
        parts.append(f"## Package {name}\n\n`{first}`\n")
        # Text that begins a line with FUNCTIONS, TYPES and so on is a heading.
        sections = re.split(r"^([A-Z]{4,})$", rest, flags=re.MULTILINE)
        parts.append(f"```text\n{sections[0].strip()}\n```\n")
        for heading, body in zip(sections[1::2], sections[2::2], strict=True):
            parts.append(f"### {heading.capitalize()} of {name}\n\n```go\n{body.strip()}\n```\n")
    return "\n".join(parts)


def references() -> list[str]:
    """Return the languages whose references scripts/docs.sh has built."""
    return os.environ.get("AMOP_REFERENCES", "").split()


def on_files(files: Files, config: Any) -> Files:
    """Add the page of error codes, and the one of the Go reference if it was built."""
    source = (ROOT / "src/error.rs").read_text()
    files.append(File.generated(config, "errors.md", content=error_page(source)))
    if "go" in references():
        text = (ROOT / "build/api/go/index.txt").read_text()
        file = File.generated(config, "go-reference.md", content=go_reference(text))
        file.inclusion = InclusionLevel.NOT_IN_NAV
        files.append(file)
    return files


def reference_links(markdown: str) -> str:
    """Link the references that are part of this site; the page names them as paths in it."""

    def link(match: re.Match[str]) -> str:
        path, language = match.group(1), match.group(2)
        if language not in references():
            return "not part of this build"
        if language == "go":
            return "[reference](go-reference.md)"
        # As HTML, because the generator doesn't know the files, which are added after its end.
        return f'<a href="{path}">reference</a>'

    return re.sub(r"`(api/(\w+)/\S+)`", link, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Put each diagram into a box that scrolls, so that it stays readable on narrow screens."""
    return re.sub(r'<pre class="mermaid">.*?</pre>', r'<div class="diagram">\g<0></div>', html, flags=re.DOTALL)


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Rewrite links out of docs/ and hide what rustdoc hides."""
    folder = (ROOT / "docs" / page.file.src_uri).parent
    if page.file.src_uri == "api.md":
        markdown = reference_links(markdown)

    def outside(match: re.Match[str]) -> str:
        text, target = match.groups()
        path = (folder / target.split("#")[0]).resolve()
        if path.is_relative_to(ROOT / "docs"):
            return match.group()
        if not path.exists():
            raise PluginError(f"{page.file.src_uri}: {target} doesn't exist")
        # The repository isn't part of the site.
        where = path.relative_to(ROOT)
        if config.repo_url:
            return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{where})"
        return f"{text} (`{where}` in the repository)" if str(where) not in text else text

    markdown = re.sub(r"\[([^\]]+)\]\((\.\./[^)\s]+)\)", outside, markdown)

    def shown(match: re.Match[str]) -> str:
        lines = match.group(2).splitlines(keepends=True)
        return "```rust\n" + "".join(line for line in lines if not re.match(r"# |#$", line)) + "```"

    # rustdoc hides these lines, and reads the words after `rust` in the first line.
    return re.sub(r"^```rust(\S*)\n(.*?)^```", shown, markdown, flags=re.MULTILINE | re.DOTALL)
