"""`attncli` and `python -m attncli`."""

import sys

from attncli.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
