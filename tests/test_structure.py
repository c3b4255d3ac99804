"""What the layout promises and no linter checks."""

from __future__ import annotations

import ast
from pathlib import Path

import attncli
from attncli.artifacts import encodings, flat, names, table_files
from attncli.cli import encode
from attncli.cli.attend import METHODS
from attncli.cli.convert import TABLES
from attncli.cli.embed import POOLS as OFFERED_POOLS
from attncli.cli.embed import POSITIONS
from attncli.cli.main import COMMANDS
from attncli.cli.nearest import METHODS as ANALOGIES
from attncli.core import engine
from attncli.core.attention.mechanisms import MECHANISMS
from attncli.core.embedding import nearest
from attncli.core.embedding.pooling import POOLS
from attncli.core.embedding.positions import SCHEMES

PACKAGE = Path(__file__).parent.parent / "attncli"


def importers_of_native(folder: Path) -> list[str]:
    """Files that import `attncli._native` when they run (not for types alone)."""
    found = []
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typed = {id(inner) for node in ast.walk(tree) if is_type_checking(node) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if id(node) in typed:
                continue
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            if "attncli._native" in names:
                found.append(path.name)
    return sorted(set(found))


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_only_the_engine_switch_imports_the_native_module() -> None:
    assert importers_of_native(PACKAGE) == ["engine.py"]


def test_the_search_for_importers_can_fail(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("from attncli import _native\n")
    assert importers_of_native(tmp_path) == ["wrong.py"]


def test_the_native_engine_is_in_use() -> None:
    assert engine.name() == "native"


def test_folders_are_plain_packages() -> None:
    filled = [path for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE and path.read_bytes()]
    assert filled == []


def test_names_offered_by_the_command_line_are_those_of_the_core() -> None:
    assert list(METHODS) == list(MECHANISMS)
    assert list(POSITIONS) == list(SCHEMES)
    assert OFFERED_POOLS == POOLS
    assert ANALOGIES == nearest.METHODS
    assert TABLES == table_files.FORMATS


def test_every_command_has_its_file() -> None:
    assert all((PACKAGE / "cli" / f"{module}.py").is_file() for module in COMMANDS.values())


def test_public_names_exist() -> None:
    for name in attncli.__all__:
        assert getattr(attncli, name) is not None
    assert "train_bpe" in dir(attncli)


def test_files_stay_small() -> None:
    long = {path.name for path in PACKAGE.rglob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 400}
    assert long == set()


def test_names_that_are_written_twice_agree() -> None:
    """They are repeated where an import would cost every start."""
    assert tuple(flat.DTYPES) == encode.DTYPES
    assert tuple(encodings.KNOWN) == names.ENCODINGS
