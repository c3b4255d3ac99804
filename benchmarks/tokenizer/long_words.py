"""Words without end: `python benchmarks/tokenizer/long_words.py [--largest 10] [--texts a,CJK] [TOKENIZER...]`

Texts of one letter, of spaces, of combining marks and the like, in one piece, of 1, 2, 5 and 10 MB: seconds, which must
grow with the size (10 MB / 1 MB: about 10), and the peak memory of a process that encodes the largest, as a multiple of
it. A TOKENIZER is a file, a name, or either with `@PATTERN` behind it, in place of the pattern of the file; the default
is the starter with each known pattern. Peers stand beside us on `cl100k_base.tiktoken`, `o200k_base.tiktoken` and any
`tokenizer.json`, each run in a process of its own that ends after --limit seconds (`-`).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from peers import present
from timing import table

SIZES = (1, 2, 5, 10)
ROUNDS = 5
LONG = 2.0
"""CPU seconds."""
PATTERNS = {
    "gpt2": "gpt2",
    "cl100k": "cl100k",
    "o200k": "o200k",
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+",
    "none": "none",
    "whitespace": "whitespace",
    "regex": r"\w+|\W",
}


def texts() -> dict[str, bytes]:
    chance = random.Random(1)
    letters = bytes(chance.choices(b"abcdefghijklmnopqrstuvwxyz", k=1 << 20))
    return {
        "a": b"a",
        "spaces": b" ",
        "digits": b"0123456789",
        "letters": letters,
        "marks": "a\u0301\u0323\u0300\u0302".encode() * 8 + "\u0301".encode() * 1000,
        "CJK": "河岸的银行旁边有一朵玫瑰".encode(),
        "apostrophes": b"'",
        "newlines": b"\n",
        "a'a'": b"a'",
        "\\s\\n\\s\\s\\n": b" \n  \n",
    }


def text(kind: str, size: int) -> bytes:
    """`size` MB of a kind; cut between characters."""
    part = texts()[kind]
    whole = part * (size * 1_000_000 // len(part) + 1)
    return whole[: size * 1_000_000].decode("utf-8", "ignore").encode()


def ours(tokenizer: str) -> Callable[[bytes], Any]:
    import attncli

    path, _, pattern = tokenizer.partition("@")
    if not pattern:
        tok = attncli.Tokenizer.load(path)
    else:
        from attncli.core.tokenizer.patterns import resolve

        tok = attncli.Tokenizer.load(path)
        tok = attncli.Tokenizer(with_pattern(tok.model, resolve(PATTERNS.get(pattern, pattern))))
    return lambda data: tok.encode_flat([data], threads=1)[0]


def with_pattern(model: Any, regex: str) -> Any:
    """The model, split by another pattern."""
    from dataclasses import replace

    split = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return replace(model, pre_tokenizer=[split, level] if regex else [level])


def rs_bpe(tokenizer: str) -> Callable[[bytes], Any]:
    from rs_bpe.bpe import openai

    tok = openai.o200k_base() if "o200k" in tokenizer else openai.cl100k_base()
    return lambda data: tok.encode(data.decode())


def tiktoken(tokenizer: str) -> Callable[[bytes], Any]:
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe

    from attncli.core.tokenizer.patterns import CL100K, O200K

    ranks = load_tiktoken_bpe(tokenizer)
    pattern = O200K if "o200k" in tokenizer else CL100K
    tok = tiktoken.Encoding("bench", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return lambda data: tok.encode_ordinary(data.decode())


def gigatoken(tokenizer: str) -> Callable[[bytes], Any]:
    import gigatoken

    tok = gigatoken.Tokenizer(tokenizer)
    return lambda data: tok.encode_batch([data], parallel=False)


def tokenizers(tokenizer: str) -> Callable[[bytes], Any]:
    import tokenizers

    tok = tokenizers.Tokenizer.from_file(tokenizer)
    return lambda data: tok.encode(data.decode(), add_special_tokens=False).ids


CONTENDERS = {"attncli": ours, "rs_bpe": rs_bpe, "tiktoken": tiktoken, "gigatoken": gigatoken, "tokenizers": tokenizers}


def contenders(tokenizer: str, alone: bool) -> list[str]:
    """Who can do it."""
    if alone:
        return ["attncli"]
    ranks = ["rs_bpe", "tiktoken"] if tokenizer.endswith(".tiktoken") else []
    files = ["gigatoken", "tokenizers"] if tokenizer.endswith("tokenizer.json") else []
    return ["attncli", *filter(present, ranks + files)]


def once(contender: str, tokenizer: str, path: str) -> None:
    """Prints the seconds of one call, and the peak of this process above what it had before, in bytes."""
    import resource
    import time

    encode = CONTENDERS[contender](tokenizer)
    encode(b"warm")
    data = Path(path).read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    encode(data)
    seconds = time.process_time() - started
    print(json.dumps([seconds, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)]))


def measured(contender: str, tokenizer: str, data: bytes, limit: float) -> tuple[float, float] | None:
    """(CPU seconds, peak memory as a multiple of the text), medians of processes of their own; None above the limit."""
    found: list[list[float]] = []
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        command = [sys.executable, __file__, "--once", contender, tokenizer, file.name]
        # A short call takes three times as long where the system is slow to give it memory; a long one is told once.
        while len(found) < ROUNDS and (not found or found[-1][0] < LONG):
            try:
                done = subprocess.run(command, capture_output=True, timeout=limit, check=True)
            except subprocess.TimeoutExpired:
                return None
            except subprocess.CalledProcessError as error:
                if contender == "attncli":
                    raise SystemExit(error.stderr.decode()) from error
                return None
            found.append(json.loads(done.stdout))
    seconds, peak = map(statistics.median, zip(*found, strict=True))
    return seconds, peak / len(data)


def rows(tokenizer: str, others: list[str], kinds: list[str], sizes: list[int], limit: float) -> Iterator[list[object]]:
    for kind in kinds:
        found = [measured("attncli", tokenizer, text(kind, size), limit) for size in sizes]
        seconds = [one[0] if one else "-" for one in found]
        whole = None not in found
        ratio = seconds[-1] / max(seconds[0], 0.001) if whole else "-"
        row = [kind, *seconds, ratio, found[-1][1] if found[-1] else "-"]
        for other in others:
            theirs = measured(other, tokenizer, text(kind, sizes[-1]), limit)
            row += [theirs[0], theirs[1]] if theirs else ["-", "-"]
        yield row


def main() -> None:
    if sys.argv[1:2] == ["--once"]:
        return once(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokenizers", nargs="*", metavar="TOKENIZER")
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="megabytes")
    parser.add_argument("--texts", default=",".join(texts()))
    parser.add_argument("--limit", type=float, default=60, help="seconds for each process")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    arguments = parser.parse_args()
    sizes = [size for size in SIZES if size <= arguments.largest]
    for tokenizer in arguments.tokenizers or [f"starter@{name}" for name in PATTERNS]:
        others = contenders(tokenizer, arguments.alone)[1:]
        headings = [*(f"{size} MB" for size in sizes), f"{sizes[-1]} MB / {sizes[0]} MB", "peak × text"]
        for other in others:
            headings += [other, "peak × text"]
        lines = rows(tokenizer, others, arguments.texts.split(","), sizes, arguments.limit)
        table(f"{tokenizer}, CPU seconds", ["", *headings], list(lines))
    return None


if __name__ == "__main__":
    main()
