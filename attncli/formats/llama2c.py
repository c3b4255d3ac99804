"""llama2.c's tokenizer.bin: the pieces of a SentencePiece BPE model, with spaces and newlines as themselves.

Reference: https://github.com/karpathy/llama2.c, tokenizer.py (which writes it) and run.c (which reads it). An int32
of the longest piece's bytes, then for each piece a float32 score, an int32 length, and that many bytes; all little
endian. Ids 0, 1, 2 are unknown, begin, end, and 3 to 258 are <0x00> to <0xFF>.
"""

from __future__ import annotations

import math
import struct
from array import array

from attncli.core.tokenizer.model import AddedToken, Model
from attncli.core.tokenizer.sentencepiece import BYTE, CONTROL, NORMAL, UNKNOWN, Normalizer, SentencePiece
from attncli.errors import DataError

__all__ = ["read", "sniff"]

MOST_PIECES = 1 << 21
LONGEST_PIECE = 7999
LEAST_SCORE = -1e10
"""run.c merges nothing that scores as low."""
BYTES = [b"<0x%02X>" % byte for byte in range(256)]
HEADS = 3 + len(BYTES)
"""Tokens before the pieces."""


def sniff(data: bytes) -> bool:
    """Whether these bytes begin as a tokenizer.bin does: a small number, then the piece <unk>."""
    return data[1:4] == bytes(3) and data[8:17] == b"\x05\0\0\0<unk>"


def read(data: bytes, name: str = "") -> Model:
    """The model of a file's bytes. Raises DataError that says which piece is wrong."""
    if len(data) < 4:
        raise DataError(f"{len(data)} bytes are no tokenizer.bin")
    longest = int.from_bytes(data[:4], "little")
    if not 0 < longest <= LONGEST_PIECE:
        raise DataError(f"claims a longest piece of {longest} bytes")
    pieces, scores = _pieces(data, longest)
    if pieces[3:HEADS] != BYTES:
        raise DataError("ids 3 to 258 are not <0x00> to <0xFF>", hint="a tokenizer.bin of llama2.c is wanted")
    known = set(pieces[HEADS:])
    if len(known) != len(pieces) - HEADS or not known.isdisjoint(pieces[:HEADS]):
        raise DataError("has the same piece twice")
    if b" " not in known:
        raise DataError("has no piece for a space, which begins every text")
    for piece in pieces[:HEADS]:
        if any(piece[:cut] in known and piece[cut:] in known for cut in range(1, len(piece))):
            raise DataError(f"merges two pieces into {piece.decode('utf-8', 'replace')!r}, which is not supported")
    algorithm = SentencePiece(
        kind="bpe",
        scores=scores,
        types=bytes([UNKNOWN, CONTROL, CONTROL]) + bytes([BYTE]) * 256 + bytes([NORMAL]) * len(known),
        normalizer=Normalizer(remove_extra_whitespaces=False, escape_whitespaces=False),
        byte_fallback=True,
        unk_surface="<unk>",
        any_bytes=True,
    )
    # Their pieces hold newlines too, which are for the reader of what run.c prints.
    added = [AddedToken("<s>", 1), AddedToken("</s>", 2)]
    return Model(tokens=pieces, algorithm=algorithm, byte_level=False, added=added, bos=(1,), eos=(2,), name=name)


def _pieces(data: bytes, longest: int) -> tuple[list[bytes], array[float]]:
    pieces: list[bytes] = []
    scores = array("f")
    at, end = 4, len(data)
    while at < end:
        place = f"piece {len(pieces)} at byte {at}"
        if end - at < 8:
            raise DataError(f"{place} is cut off")
        score, size = struct.unpack_from("<fi", data, at)
        if not 0 < size <= longest:
            raise DataError(f"{place} claims {size} bytes, where the longest has {longest}")
        if size > end - at - 8:
            raise DataError(f"{place} claims {size} bytes, and {end - at - 8} follow")
        if not math.isfinite(score) or score <= LEAST_SCORE:
            raise DataError(f"{place} has score {score}")
        if len(pieces) == MOST_PIECES:
            raise DataError(f"has more than {MOST_PIECES} pieces")
        at += 8 + size
        pieces.append(data[at - size : at])
        # Unlike SentencePiece, run.c takes -0.0 for 0.0.
        scores.append(score + 0.0)
    if len(pieces) <= HEADS:
        raise DataError(f"has {len(pieces)} pieces", hint="a tokenizer.bin of llama2.c is wanted")
    return pieces, scores
