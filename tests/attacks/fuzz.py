"""Coverage-guided fuzzing of a parser: `python tests/attacks/fuzz.py NAME [-max_total_time=600]`.

Needs atheris (`pip install atheris`). A parser may refuse its input by an error of attncli's own tree, with one line of
text; anything else is a find, which libFuzzer writes into the working folder: it belongs under `corpus/NAME/`, where
`test_fuzz_corpus.py` holds the parser to it for good. JSON is changed as JSON half of the time: bytes changed at
random rarely come past its parser.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["attncli"]):
    from parsers import PARSERS, SEEDS

    from attncli.errors import AttncliError

CORPUS = Path(__file__).parent / "corpus"
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2, 255, 1_000_000_000, 1 << 40, 10**30, 0.5, -1e300, "", "a", "ab", " ", "▁", "##a",
    "<0x41>", "</w>", "(", r"\s+(?!\S)", r"(a+)+b", [], {}, [[]], ["a", "b"], {"String": " "}, {"Regex": r"\s+"},
]  # fmt: skip
TYPES = [
    "BPE", "WordPiece", "Unigram", "WordLevel", "Sequence", "NFC", "NFKD", "Lowercase", "StripAccents", "Strip",
    "Prepend", "Replace", "BertNormalizer", "Nmt", "Precompiled", "ByteLevel", "Split", "Metaspace", "Whitespace",
    "WhitespaceSplit", "BertPreTokenizer", "Digits", "Punctuation", "CharDelimiterSplit", "TemplateProcessing",
    "BertProcessing", "RobertaProcessing", "Fuse", "ByteFallback", "BPEDecoder",
]  # fmt: skip


def main() -> None:
    name = sys.argv[1]
    parse = PARSERS[name]

    def once(data: bytes) -> None:
        try:
            parse(data)
        except AttncliError as error:
            if "\n" in str(error):
                raise AssertionError("more than one line") from error

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS.get(name, [])):
            (Path(folder) / f"seed{number}").write_bytes(seed)
        kept = [str(CORPUS / name)] if (CORPUS / name).is_dir() else []
        arguments = [sys.argv[0], *sys.argv[2:], folder, *kept]
        atheris.Setup(arguments, once, custom_mutator=mutated if "json" in name else None)
        atheris.Fuzz()


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """The input with one value of its JSON replaced, doubled or taken away, or with some bytes changed."""
    chance = random.Random(seed)
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict) or chance.random() < 0.5:
        changed: bytes = atheris.Mutate(data, max_size)
        return changed
    for _ in range(chance.choice((1, 1, 2, 4))):
        change(whole, chance)
    return json.dumps(whole).encode()[:max_size]


def change(whole: Any, chance: random.Random) -> None:
    """Changes one place of a JSON value."""
    inner, parents = whole, []
    while isinstance(inner, dict | list) and inner and (not parents or chance.random() < 0.7):
        key = chance.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
        parents.append((inner, key))
        inner = inner[key]
    if not parents:
        return
    parent, key = parents[-1]
    kind = chance.random()
    if kind < 0.15:
        del parent[key]
    elif kind < 0.3 and isinstance(parent, list):
        parent.append(parent[key])
    elif kind < 0.3:
        parent[chance.choice([*parent, "type", "content", "pattern"])] = parent[key]
    elif kind < 0.6:
        parent[key] = {"type": chance.choice(TYPES), **(inner if isinstance(inner, dict) else {})}
    else:
        parent[key] = deepcopy(chance.choice([*VALUES, *TYPES]))


if __name__ == "__main__":
    main()
