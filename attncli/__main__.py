"""`attncli` and `python -m attncli`."""

import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # A Ctrl-C while modules are imported ends silently, where Python's own way is a traceback; `main` takes over.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from attncli.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
