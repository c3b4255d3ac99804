"""How long short commands take: `python benchmarks/startup.py [--rounds 9]`"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from peers import present
from timing import processes_in_turn, table

LINE = b"He left the roses by the bank.\n"
TYPER_APP = """
import typer
app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
@app.command()
def run(word: str = "x", number: int = 1):
    print(word)
app()
"""
TYPER_LOADS = """
import sys
sys.argv = ["x", "--word", "y"]
try:
    exec({app!r})
finally:
    print("pydantic" in sys.modules, file=sys.stderr)
"""
TOKENIZERS = """
import sys
from tokenizers import Tokenizer
print(Tokenizer.from_file({path!r}).encode(sys.stdin.read()).ids)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    attncli = str(Path(sys.executable).with_name("attncli"))
    starter = str(Path(__file__).parent.parent / "attncli/starter/tokenizer.json")
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "attncli --version": [attncli, "--version"],
        "a minimal typer app": [sys.executable, "-c", TYPER_APP],
        "attncli encode, one line": [attncli, "encode"],
        "attncli decode, one line": [attncli, "decode", "--from", "ids", "/dev/null"],
        "attncli --help": [attncli, "--help"],
    }
    if present("tokenizers"):
        commands["tokenizers, one line"] = [sys.executable, "-c", TOKENIZERS.format(path=starter)]
    for module in ("numpy", "tiktoken", "torch", "gensim"):
        if present(module):
            commands[f"import {module}"] = [sys.executable, "-c", f"import {module}"]
    found = processes_in_turn(commands, arguments.rounds, LINE)
    bare = found["python -c pass"][0]
    table(
        "start-up",
        ["", "ms", "of python -c pass", "peak MiB"],
        [(n, 1000 * s, s / bare, m) for n, (s, m) in found.items()],
    )
    ratio = found["attncli encode, one line"][0] / found["a minimal typer app"][0]
    print(f"\nencode of one line takes {ratio:.2f} of a minimal typer app")
    print("typer's cap in pyproject.toml can go when this prints False under its newest version:")
    subprocess.run([sys.executable, "-c", TYPER_LOADS.format(app=TYPER_APP)], stdout=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    main()
