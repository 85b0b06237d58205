"""The list of files in a wheel, RECORD, for the scripts that check and change wheels."""

import base64
import hashlib


def digest(data: bytes) -> str:
    """Return the hash of a file as RECORD has it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
