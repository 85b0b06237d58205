"""bindings/concepts.json lists every public name of every language, and no other."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import surfaces

CONCEPTS: dict[str, Any] = json.loads((surfaces.ROOT / "bindings/concepts.json").read_text(encoding="utf-8"))
CATEGORIES = ("calls", "options", "errors", "figures", "events", "devnet")
# Rust has a method for every verb of an embedded node.
PAIRS = [
    (category, language)
    for category in CATEGORIES
    for language in surfaces.LANGUAGES
    if (category, language) != ("devnet", "rust")
]


def _names(concept: dict[str, Any], language: str) -> set[str]:
    names = concept.get(language, [])
    return {names} if isinstance(names, str) else set(names)


@pytest.mark.parametrize(("category", "language"), PAIRS)
def test_concepts_are_the_public_names_of_each_language(category: str, language: str) -> None:
    listed = {name for concept in CONCEPTS[category].values() for name in _names(concept, language)}
    offered = surfaces.LANGUAGES[language]()[category]
    assert len(offered) >= 7, "the sources are read"
    assert listed - offered == set(), f"{language} does not offer what bindings/concepts.json lists"
    assert offered - listed == set(), f"bindings/concepts.json does not list what {language} offers"


@pytest.mark.parametrize("category", CATEGORIES)
def test_concept_that_a_language_lacks_states_why(category: str) -> None:
    for concept, names in CONCEPTS[category].items():
        languages = {language for of, language in PAIRS if of == category}
        named = {language for language in languages if _names(names, language)}
        excused = {language for language, why in names.get("without", {}).items() if why}
        assert named.isdisjoint(excused), concept
        assert named | excused == languages, concept
        assert names.keys() <= {*surfaces.LANGUAGES, "without"}, concept


def test_devnet_verbs_are_documented_in_each_language() -> None:
    verbs = surfaces.devnet_verbs()
    assert len(verbs) > 20
    assert set(CONCEPTS["devnet_verbs"]) == verbs
    for language, text in surfaces.devnet_documentation().items():
        assert verbs - set(re.findall(r"[a-z]+(?:-[a-z]+)*", text)) == set(), language
