"""GPT-2's printable stand-ins for bytes (`bytes_to_unicode` in its encoder.py)."""

from __future__ import annotations

__all__ = ["BYTE_OF", "STAND_INS", "spelled", "unspelled"]

PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
OTHERS = [byte for byte in range(256) if byte not in PRINTABLE]
STAND_INS = {byte: chr(byte) for byte in PRINTABLE} | {byte: chr(0x100 + at) for at, byte in enumerate(OTHERS)}
"""Byte -> character."""
BYTE_OF = {character: byte for byte, character in STAND_INS.items()}
"""Character -> byte."""


def spelled(token: bytes) -> str:
    """Bytes in stand-ins."""
    return "".join(map(STAND_INS.__getitem__, token))


def unspelled(text: str) -> bytes:
    """The bytes of stand-ins; a character that stands for none is left out."""
    return bytes(BYTE_OF[character] for character in text if character in BYTE_OF)
