"""Peak memory of one contender, in a process of its own: `python peak.py GROUP NAME HEADS LENGTH [causal]`."""

from __future__ import annotations

import subprocess
import sys

from contenders import EXACT, METHODS, SPARSE, Contender, vectors

from attncli.memory import measured

GROUPS: dict[str, dict[str, Contender]] = {"exact": EXACT, "sparse": SPARSE, **METHODS}


def peak(group: str, name: str, heads: int, length: int, causal: bool = False) -> float | str:
    """MiB above what the process had before it ran: libraries, vectors and the first run on few are not counted."""
    command = [sys.executable, __file__, group, name, str(heads), str(length), *(["causal"] if causal else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else "-"  # a library may talk before


def main() -> None:
    group, name, heads, length, *causal = sys.argv[1:]
    contender = GROUPS[group][name]
    options = {"causal": bool(causal)} if group == "exact" else {}
    contender.make(*vectors(1, 1024), **options)()
    run = contender.make(*vectors(int(heads), int(length)), **options)
    _, _, most = measured(run)
    if most is None:
        sys.exit("the system does not tell a process's peak")
    print(most / (1 << 20))


if __name__ == "__main__":
    main()
