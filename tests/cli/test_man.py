"""The man page says what the help says."""

from __future__ import annotations

from pathlib import Path

from attncli.cli.main import COMMANDS
from attncli.cli.man import page

STORED = Path(__file__).parents[2] / "attncli" / "cli" / "attncli.1"


def test_the_stored_page_is_current() -> None:
    assert STORED.read_text(encoding="utf-8") == page(), "run: python -m attncli.cli.man > attncli/cli/attncli.1"


def test_every_command_and_option_is_there() -> None:
    text = page()
    for name in COMMANDS:
        assert f".SH {name.upper()}".replace("-", r"\-") in text
    for option in (r"\-\-vocab\-size", r"\-\-causal", r"\-\-positions", "ATTNCLI_TOKENIZER"):
        assert option in text
