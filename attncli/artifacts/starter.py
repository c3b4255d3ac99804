"""What is built in: a tokenizer and a table, so that the pipe works with no file at hand.

`attncli/starter/README.md` says how both were made.
"""

from pathlib import Path

__all__ = ["IDENTITY", "NAME", "TABLE", "TOKENIZER"]

NAME = "starter"
IDENTITY = f"{NAME}@2c562929ad92"
"""What tables and records call the tokenizer; known without loading it."""
_FOLDER = Path(__file__).parent.parent / "starter"
TOKENIZER = _FOLDER / "tokenizer.json"
TABLE = _FOLDER / "embeddings.safetensors"
