"""What stands in a vocabulary: GPT-2's printable stand-ins for bytes, labels for people, a digest.

GPT-2 writes each byte as one printable character: the printable Latin-1 ones stand for themselves, the others
follow from U+0100 on (`bytes_to_unicode` in its encoder.py). Space is Ġ, newline is Ċ.
"""

from __future__ import annotations

import codecs
import hashlib
import sys
from array import array
from collections.abc import Iterable

from attncli.core.reference.stand_ins import BYTE_OF, STAND_INS
from attncli.core.tokenizer.tokens import Tokens
from attncli.printable import printable

__all__ = ["ALPHABET", "BYTE_OF", "STAND_INS", "digest", "label", "same", "spelled", "unspelled"]

ALPHABET: list[bytes] = [bytes([byte]) for byte in sorted(STAND_INS, key=STAND_INS.__getitem__)]
"""The 256 bytes in the order of their ids: by the code point of the stand-in, "!" first."""

# The stand-ins are a character set of 256 code points, and Python has C code for those.
_DECODING = "".join(STAND_INS[byte] for byte in range(256))
_ENCODING = codecs.charmap_build(_DECODING)


def spelled(token: bytes) -> str:
    """A token in stand-ins.

    >>> spelled(b" a")
    'Ġa'
    """
    return codecs.charmap_decode(token, "strict", _DECODING)[0]


def unspelled(text: str) -> bytes:
    """The bytes of stand-ins. Raises UnicodeEncodeError for a character that stands for none.

    >>> unspelled("Ġa")
    b' a'
    """
    return codecs.charmap_encode(text, "strict", _ENCODING)[0]


def label(token: bytes) -> str:
    r"""A token for people: valid UTF-8 as it is, control characters and undecodable bytes as `\xNN`.

    >>> label(b"caf\xc3\xa9"), label(b"\xe4\xb8"), label(b"\n")
    ('café', '\\xe4\\xb8', '\\n')
    """
    return printable(token.decode("utf-8", "backslashreplace"))


def same(one: str, other: str) -> bool:
    """Whether two identities `name@digest` are of the same vocabulary: the digest decides, not the name.

    >>> same("gpt2@0123456789ab", "mine@0123456789ab")
    True
    """
    return one.rpartition("@")[2] == other.rpartition("@")[2]


def digest(tokens: Iterable[bytes]) -> str:
    """12 hexadecimal digits of SHA-256 over where each token ends (uint32, little-endian) and all their bytes.

    The same for the same ids, whatever the file format.

    >>> digest([b"a", b"b"]) == digest([b"ab"])
    False
    """
    flat = Tokens.from_list(tokens)
    ends = array("I", flat.ends)
    if sys.byteorder == "big":
        ends.byteswap()
    whole = hashlib.sha256(ends)
    whole.update(flat.blob)
    return whole.hexdigest()[:12]
