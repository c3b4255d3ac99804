"""`attncli` and `python -m attncli`."""

# What `signal` is made of: that one imports `enum` first, and a Ctrl-C meanwhile would show a traceback.
import _signal  # type: ignore[import-not-found]
import sys

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    # A Ctrl-C while modules are imported ends silently, where Python's own way is a traceback; `main` takes over.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

from attncli.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
