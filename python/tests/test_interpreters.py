"""Sub-interpreters: importing the package there is an error, and the process still ends."""

from __future__ import annotations

import pytest
from programs import clean, run

from amop.devnet import Devnet

# Runs a text in a new interpreter of the oldest kind, which shares the lock of the main one and may load any extension
# module. Others refuse modules that do not declare support for them.
IN_SUB_INTERPRETER = """
def run_in_sub_interpreter(text):
    if sys.version_info >= (3, 13):
        import _interpreters as interpreters
        number = interpreters.create('legacy')
    else:
        import _xxsubinterpreters as interpreters
        number = interpreters.create(isolated=False)
    text = f'import sys; sys.path[:] = {sys.path!r}\\n' + text
    failed = interpreters.run_string(number, text)
    interpreters.destroy(number)
    return failed
"""

IMPORT = """
try:
    import amop
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("first", ["", "import amop"])
def test_import_in_a_sub_interpreter_is_an_error(first: str) -> None:
    source = f"""{IN_SUB_INTERPRETER}
assert run_in_sub_interpreter({IMPORT!r}) is None
"""
    printed = clean(run(source, start=f"import sys\n{first}\n"))
    assert "amop can't be used in a sub-interpreter: import it in the main interpreter" in printed


def test_main_interpreter_works_after_a_sub_interpreter_failed(devnet: Devnet) -> None:
    source = f"""{IN_SUB_INTERPRETER}
assert run_in_sub_interpreter({IMPORT!r}) is None
import amop
with amop.connect(sys.argv[2], credentials=sys.argv[1]) as client:
    subscription = client.subscribe('interpreters')
    client.broadcast('interpreters', 'hi')
    print(amop.Message)
"""
    assert "<class 'amop.Message'>" in clean(run(source, devnet, start="import sys\n"))
