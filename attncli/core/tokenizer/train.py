"""Learning a BPE vocabulary from counted words (Sennrich et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attncli.core import engine
from attncli.core.tokenizer.model import BPE, AddedToken, Model, Step
from attncli.core.tokenizer.normalize import NORMALIZERS
from attncli.core.tokenizer.patterns import GPT2
from attncli.core.tokenizer.vocab import ALPHABET, spelled
from attncli.errors import AttncliError, CallError, DataError

if TYPE_CHECKING:
    from attncli._native import WordCounts

__all__ = ["END_OF_A_WORD", "Learned", "Plan", "learn"]

END_OF_A_WORD = r"(?<=\S)(?!\S)"
"""Where the end-of-word symbol of the textbook is put in: behind the last character before white space or the end."""


@dataclass(frozen=True)
class Plan:
    """What to learn; checked when made."""

    pattern: str = ""
    """The regex's source."""
    vocab_size: int | None = None
    """Base symbols, merges and special tokens together; or:"""
    merges: int | None = None
    """How many new tokens to learn."""
    unit: Literal["bytes", "characters"] = "bytes"
    drop_gaps: bool = False
    end_of_word: str | None = None
    special: Sequence[str] = ()
    min_frequency: int = 2
    max_token_length: int | None = None
    normalizer: str | None = None

    def __post_init__(self) -> None:
        if (self.vocab_size is None) == (self.merges is None):
            raise CallError("give either a vocabulary size or a number of merges")
        if (self.merges or 0) < 0 or self.min_frequency < 0:
            raise CallError("the number of merges and the minimum frequency are 0 or more")
        if self.max_token_length is not None and self.max_token_length < 1:
            raise CallError(f"the maximum token length {self.max_token_length} is below 1")
        if self.end_of_word is not None and self.unit == "bytes":
            raise CallError("an end-of-word symbol goes with characters as units", hint="add --unit characters")
        if self.end_of_word is not None and len(self.end_of_word) != 1:
            # tokenizer.json has no word for a base symbol of several characters.
            raise CallError(f"the end-of-word symbol {self.end_of_word!r} is not one character", hint="use _ or ·")
        for token in self.special:
            if not token:
                raise CallError("a special token is empty", hint="look at the variable that should hold it")
            if self.special.count(token) > 1:
                raise CallError(f"the special token {token!r} is given twice")
        if self.unit == "bytes":
            self.beside(len(ALPHABET))

    def beside(self, base: int) -> int:
        """How many merges to learn beside so many base symbols. Raises CallError where these have no room."""
        if self.merges is not None:
            return self.merges
        wanted = (self.vocab_size or 0) - base - len(self.special)
        if wanted < 0:
            raise CallError(
                f"a vocabulary of {self.vocab_size} has no room for {base} base symbols"
                f" and {len(self.special)} special tokens",
                hint=f"give at least {base + len(self.special)}",
            )
        return wanted


@dataclass(frozen=True)
class Learned:
    """A new model and how often each of its merges' pairs occurred when it was merged."""

    model: Model
    merges: Sequence[tuple[int, int]]
    counts: Sequence[int]


def learn(
    counts: WordCounts,
    plan: Plan,
    *,
    max_memory: int | None = None,
    on_merges: Callable[[int, int], None] | None = None,
) -> Learned:
    """Learns merges: at each step the pair with the highest count, among equals the smaller (left id, right id).

    Ids: base symbols first (bytes in the order of GPT-2's stand-ins, or characters by code point), then merges in
    order, then special tokens. `on_merges(done, wanted)` is called now and then. The counts are used up. Raises
    CallError where the vocabulary size leaves no room for the base, DataError where there is no text, and where
    `max_memory` bytes are too few.
    """
    alphabet = _alphabet(counts, plan)
    wanted = plan.beside(len(alphabet))
    try:
        learned = engine.train_merges()(
            counts,
            alphabet,
            wanted,
            end_of_word=None if plan.end_of_word is None else plan.end_of_word.encode("utf-8"),
            min_frequency=plan.min_frequency,
            max_token_length=plan.max_token_length,
            max_memory=max_memory,
            on_merges=on_merges,
        )
    except AttncliError:
        raise
    except ValueError as error:  # too many symbols, too little memory, a regex that gave up
        raise DataError(str(error)) from error
    tokens = list(alphabet)
    for left, right, new, _ in learned:
        if new == len(tokens):
            tokens.append(tokens[left] + tokens[right])
    taken = {spelled(token) for token in tokens} if plan.unit == "bytes" else {t.decode("utf-8") for t in tokens}
    if clash := sorted(taken & set(plan.special)):
        raise CallError(f"the special token {clash[0]!r} is a token of the text too", hint="choose another spelling")
    special = {text: len(tokens) + number for number, text in enumerate(plan.special)}
    tokens += [text.encode("utf-8") for text in special]
    merges = [(left, right) for left, right, _, _ in learned]
    model = Model(
        tokens=tokens,
        algorithm=BPE(merges),
        byte_level=plan.unit == "bytes",
        normalizer=_normalizer(plan),
        pre_tokenizer=_pre_tokenizer(plan),
        decoder=_decoder(plan),
        added=[AddedToken(text, id_) for text, id_ in special.items()],
    )
    return Learned(model, merges, [count for _, _, _, count in learned])


def _alphabet(counts: WordCounts, plan: Plan) -> list[bytes]:
    if plan.unit == "bytes":
        return ALPHABET
    characters = set(counts.characters())
    if not characters:
        raise DataError("there is no text to learn characters from")
    if plan.end_of_word is not None:
        characters.add(plan.end_of_word.encode("utf-8"))
    return sorted(characters)  # UTF-8 sorts as code points do


def _normalizer(plan: Plan) -> list[Step]:
    steps: list[Step] = [] if plan.normalizer is None else [{"type": NORMALIZERS[plan.normalizer]}]
    if plan.end_of_word is not None:
        # A base symbol of its own after each word: tokenizer.json has no other word for it.
        steps.append({"type": "Replace", "pattern": {"Regex": END_OF_A_WORD}, "content": plan.end_of_word})
    return steps


def _pre_tokenizer(plan: Plan) -> list[Step]:
    by_gpt2 = plan.unit == "bytes" and plan.pattern == GPT2
    steps: list[Step] = []
    if plan.pattern and not by_gpt2:
        behavior = "Removed" if plan.drop_gaps else "Isolated"
        steps.append(
            {"type": "Split", "pattern": {"Regex": plan.pattern}, "behavior": behavior, "invert": plan.drop_gaps}
        )
    if plan.unit == "bytes":
        steps.append({"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": by_gpt2})
    return steps


def _decoder(plan: Plan) -> list[Step]:
    # (Fuse, Replace and Strip would say the same, but the Strip of `tokenizers` panics on an empty text.)
    return [] if plan.end_of_word is None else [{"type": "BPEDecoder", "suffix": plan.end_of_word}]
