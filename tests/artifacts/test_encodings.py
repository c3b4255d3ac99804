"""The known encodings: tiktoken's cache, its published digests, and a server on loopback in place of the real one."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from loopback import Answer, Loopback, serve
from shell import failure

from attncli.artifacts import names, tiktoken_cache
from attncli.artifacts.download import download
from attncli.artifacts.encodings import KNOWN, PUBLISHED, Encoding
from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.tokenizer import patterns
from attncli.errors import CallError, DataError

REAL = Path(__file__).parents[3] / "shared" / "reference" / "vocab" / "tiktoken"
DATA = b"YQ== 0\nYg== 1\nYWI= 2\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a user who may use the network."""
    for variable in ("DATA_GYM_CACHE_DIR", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "ATTNCLI_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with serve() as loopback:
        monkeypatch.setenv("ATTNCLI_ENCODINGS_URL", loopback.url + "/")
        yield loopback


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Encoding:
    """r50k_base, as if DATA were its published file."""
    entry = replace(KNOWN["r50k_base"], sha256=hashlib.sha256(DATA).hexdigest())
    monkeypatch.setitem(KNOWN, "r50k_base", entry)
    return entry


def test_fetched_once_into_the_file_that_tiktoken_reads(cache: Path, mirror: Loopback, small: Encoding) -> None:
    mirror.answers[f"/{small.path}"] = Answer(DATA)
    found = names.resolve("r50k_base")
    assert found == names.resolve("r50k_base") == names.Resolved(found.path, "r50k_base", small)
    assert mirror.asked == [f"GET /{small.path}"]
    load = pytest.importorskip("tiktoken.load")
    assert load.load_tiktoken_bpe(small.url, small.sha256) == {b"a": 0, b"b": 1, b"ab": 2}  # there is no network
    assert [path.name for path in cache.iterdir()] == [Path(found.path).name]


def test_a_file_with_another_digest_is_refused_and_not_kept(cache: Path, mirror: Loopback, small: Encoding) -> None:
    mirror.answers[f"/{small.path}"] = Answer(DATA.replace(b"2", b"3"))
    with pytest.raises(DataError, match="r50k_base: the SHA-256 of .* is not the published one"):
        names.resolve("r50k_base")
    assert not cache.exists()


def test_a_cached_file_with_another_digest_is_replaced_and_a_link_not_followed(
    cache: Path, mirror: Loopback, small: Encoding, tmp_path: Path
) -> None:
    mirror.answers[f"/{small.path}"] = Answer(DATA)
    cache.mkdir()
    (tmp_path / "mine").write_text("of value")
    tiktoken_cache.place(small).symlink_to(tmp_path / "mine")
    found = names.resolve("r50k_base")
    assert Path(found.path).read_bytes() == DATA
    assert (tmp_path / "mine").read_text() == "of value"


def test_a_connection_cut_half_way_leaves_nothing(cache: Path, mirror: Loopback, small: Encoding) -> None:
    mirror.answers[f"/{small.path}"] = Answer(DATA, cuts=1)
    with pytest.raises(DataError, match="the connection was cut after 10 of 21 bytes; try again, or put https"):
        names.resolve("r50k_base")
    assert not cache.exists()
    assert names.resolve("r50k_base") is not None


def test_a_chunked_answer_cut_half_way_leaves_nothing(cache: Path, mirror: Loopback, small: Encoding) -> None:
    chunked = {"Transfer-Encoding": "chunked"}
    mirror.answers[f"/{small.path}"] = Answer(b"ff\r\n" + DATA, headers=chunked)
    with pytest.raises(DataError, match="cut half-way"):
        names.resolve("r50k_base")
    assert not cache.exists()


@pytest.mark.parametrize("variable", ["ATTNCLI_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_the_error_says_which_file_to_put_where(
    cache: Path, mirror: Loopback, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    status, line = failure("encode", "-t", "cl100k_base", stdin=b"x\n", **{variable: "1"})
    place = cache / "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
    assert status == 1
    assert line == (
        f"attncli encode: cl100k_base: {place} is not there, and this is offline; "
        f"put {PUBLISHED}/encodings/cl100k_base.tiktoken at {place}"
    )
    assert mirror.asked == []


def test_no_network_says_so_too(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve() as gone:
        monkeypatch.setenv("ATTNCLI_ENCODINGS_URL", gone.url)
    with pytest.raises(DataError, match=r"cannot be fetched \(.*refused\); look at the network, or put https.* at /"):
        names.resolve("cl100k_base")


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_is_told(cache: Path, mirror: Loopback, small: Encoding, status: int) -> None:
    mirror.answers[f"/{small.path}"] = Answer(DATA, status=status)
    with pytest.raises(DataError, match=f"the server answers {status}"):
        names.resolve("r50k_base")


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x", "gopher://127.0.0.1/"])
def test_a_redirect_to_another_scheme_is_refused(mirror: Loopback, target: str) -> None:
    mirror.answers["/x"] = Answer(status=302, headers={"Location": target})
    with pytest.raises(DataError, match="leads to .*; use https|is not allowed"):
        download(f"{mirror.url}/x", limit=100)


def test_a_redirect_on_the_web_is_followed_but_not_for_ever(mirror: Loopback) -> None:
    mirror.answers["/x"] = Answer(status=302, headers={"Location": "/y"})
    mirror.answers["/y"] = Answer(b"here")
    assert download(f"{mirror.url}/x", limit=100) == b"here"
    mirror.answers["/y"] = Answer(status=302, headers={"Location": "/x"})
    with pytest.raises(DataError, match="302"):
        download(f"{mirror.url}/x", limit=100)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Length": "5000000000"}, {"Content-Length": "-1"}, {"Connection": "close", "Content-Length": "x"}],
)
def test_an_answer_above_the_limit_is_refused(cache: Path, mirror: Loopback, headers: dict[str, str]) -> None:
    mirror.answers["/x"] = Answer(b"x" * 101, headers=headers)
    with pytest.raises(DataError, match="the answer is larger than 100 bytes"):
        download(f"{mirror.url}/x", limit=100)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "/etc/hostname", ""])
def test_a_mirror_is_on_the_web(cache: Path, monkeypatch: pytest.MonkeyPatch, small: Encoding, url: str) -> None:
    with pytest.raises(DataError, match="is no address on the web"):
        download(url, limit=100)


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"TIKTOKEN_CACHE_DIR": "/t", "DATA_GYM_CACHE_DIR": "/d"}, "/t"),
        ({"DATA_GYM_CACHE_DIR": "/d"}, "/d"),
    ],
)
def test_the_cache_is_where_tiktoken_has_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str
) -> None:
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    # The name is SHA-1 of https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken.
    assert tiktoken_cache.place(KNOWN["cl100k_base"]) == Path(folder, "9b5ad71b2ce5302211f9c61530b329a4922fc6a4")


def test_a_cache_turned_off_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    with pytest.raises(CallError, match="set TIKTOKEN_CACHE_DIR"):
        names.resolve("cl100k_base")


def test_gpt2_in_the_hubs_cache_will_do(cache: Path, tmp_path: Path) -> None:
    stored = tmp_path / "hub" / "models--openai-community--gpt2"
    snapshot = stored / "snapshots" / ("b" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "tokenizer.json").write_text("{}")
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text("b" * 40)
    assert names.resolve("gpt2") == names.Resolved(str(snapshot), "gpt2")


def test_the_table_is_tiktokens(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever tiktoken is installed: the URLs, digests and special tokens that it asks for."""
    public = pytest.importorskip("tiktoken_ext.openai_public")
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(public, "load_tiktoken_bpe", lambda url, expected_hash: asked.append((url, expected_hash)))
    for name in names.ENCODINGS[1:]:
        published = getattr(public, name)()
        assert asked.pop() == (KNOWN[name].url, KNOWN[name].sha256)
        assert published["special_tokens"] == KNOWN[name].special_tokens
    assert tuple(KNOWN) == names.ENCODINGS
    assert {entry.pattern for entry in KNOWN.values()} <= set(patterns.KNOWN)


@pytest.mark.skipif(not REAL.exists(), reason="no reference answers beside this checkout")
def test_the_real_files_are_found_by_their_digests(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNCLI_OFFLINE", "1")
    cache.mkdir()
    for name in names.ENCODINGS[1:]:
        shutil.copyfile(REAL / f"{name}.tiktoken", tiktoken_cache.place(KNOWN[name]))
    for name in names.ENCODINGS:
        assert names.resolve(name).encoding is KNOWN[name]
    tiktoken_cache.place(KNOWN["cl100k_base"]).write_bytes(b"IQ== 0\n")
    with pytest.raises(DataError, match="is not what was published, and this is offline"):
        names.resolve("cl100k_base")


def test_a_path_wins_and_a_misspelled_name_is_set_right(
    cache: Path, tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tokenizer.save("gpt2")
    assert names.resolve("gpt2") is None
    assert Tokenizer.load("gpt2").encode("the bank") == tokenizer.encode("the bank")
    with pytest.raises(DataError, match="no tokenizer file is called 'cl100k_bse'; did you mean 'cl100k_base'"):
        Tokenizer.load("cl100k_bse")
