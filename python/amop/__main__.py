"""``python -m amop`` runs the command."""

import sys

from ._command import main

if __name__ == "__main__":
    sys.argv[0] = "amop"
    sys.exit(main())
