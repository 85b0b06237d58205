"""Connects to a node: ``python examples/python/connect.py 127.0.0.1:20200``."""

import sys

import amop

endpoint = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:20200"
with amop.connect(endpoint) as client:
    print("connected to", endpoint)
    # Use the client here. The end of the block closes it.
