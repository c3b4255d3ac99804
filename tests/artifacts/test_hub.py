"""`hf:owner/name`: the real client against a server on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Answer, Loopback, publish, serve
from shell import environment, failure, output, run

from attncli.artifacts.hub_cache import TOKENIZER, Repository, Wanted, find, parse
from attncli.artifacts.tokenizer import Tokenizer
from attncli.errors import CallError

pytest.importorskip("huggingface_hub")

RESOLVE = """
import sys
from attncli.artifacts import names
found = names.resolve(sys.argv[1])
print(found.path, found.name, "huggingface_hub" in sys.modules, sep="\\n")
"""
WITHOUT_CLIENT = """
import sys
sys.modules["huggingface_hub"] = None
from attncli.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


class User:
    """Somebody with a hub cache of their own."""

    def __init__(self, hub: Loopback, home: Path) -> None:
        self.cache = home / "hub"
        self.variables = {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(home),
            "HF_HUB_CACHE": str(self.cache),
            "HF_HUB_OFFLINE": "0",
            "TRANSFORMERS_OFFLINE": "0",
            "HF_TOKEN": "",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def ids(self, name: str, text: bytes = b"the bank\n", **variables: str) -> list[int]:
        out = output("encode", "-t", name, "--to", "ids", stdin=text, **self.variables | variables)
        return [int(word) for word in out.split()]

    def resolve(self, name: str, **variables: str) -> tuple[Path, str, bool]:
        """Path, display name, and whether the client was imported."""
        done = subprocess.run(
            [sys.executable, "-c", RESOLVE, name],
            capture_output=True,
            text=True,
            check=True,
            env=environment(**self.variables | variables),
        )
        path, shown, imported = done.stdout.splitlines()
        return Path(path), shown, imported == "True"

    def fails(self, name: str, **variables: str) -> str:
        status, line = failure("encode", "-t", name, stdin=b"x\n", **self.variables | variables)
        assert status == 1
        return line

    def kept(self) -> list[str]:
        """The files of repositories; clients before 1.0 keep half of one under `.incomplete`, to go on from there."""
        files = [path.name for path in self.cache.rglob("blobs/*") if path.suffix != ".incomplete"]
        return files + [path.name for path in self.cache.rglob("snapshots/*/*")]


@pytest.fixture
def hub() -> Iterator[Loopback]:
    with serve() as loopback:
        yield loopback


@pytest.fixture
def user(hub: Loopback, tmp_path: Path) -> User:
    return User(hub, tmp_path / "huggingface")


@pytest.fixture
def tiny(hub: Loopback, tokenizer: Tokenizer) -> str:
    """The commit of acme/tiny, which holds more than a tokenizer."""
    others = {"vocab.json": b"{}", "merges.txt": b"", "model.safetensors": b"x", "pytorch_model.bin": b"x"}
    return publish(
        hub, "acme/tiny", {"tokenizer.json": tokenizer.serialized(), "tokenizer_config.json": b"{}", **others}
    )


def test_a_cold_cache_fetches_only_what_makes_the_tokenizer(
    hub: Loopback, user: User, tiny: str, tokenizer: Tokenizer
) -> None:
    assert user.ids("hf:acme/tiny") == tokenizer.encode("the bank")
    fetched = {line.rpartition("/")[2] for line in hub.asked if line.startswith("GET /acme/")}
    assert fetched == {"tokenizer.json", "tokenizer_config.json"}
    assert [line for line in hub.asked if "/acme/tiny/" not in line] == []


def test_a_warm_cache_needs_no_server_and_no_client(tmp_path: Path, tokenizer: Tokenizer) -> None:
    with serve() as hub:
        commit = publish(hub, "acme/tiny", {"tokenizer.json": tokenizer.serialized()}, lfs=("tokenizer.json",))
        user = User(hub, tmp_path)
        folder, name, imported = user.resolve("hf:acme/tiny")
        assert (folder.name, name, imported) == (commit, "acme/tiny", True)
    assert user.resolve("hf:acme/tiny") == (folder, name, False)
    assert user.ids("hf:acme/tiny") == tokenizer.encode("the bank")


def test_a_revision_is_a_branch_a_tag_or_a_commit(hub: Loopback, user: User, tiny: str, tokenizer: Tokenizer) -> None:
    old = publish(hub, "acme/tiny", {"tokenizer.json": tokenizer.serialized() + b"\n"}, revision="v1")
    assert old != tiny
    assert user.resolve("hf:acme/tiny@v1")[0].name == old
    assert user.resolve("hf:acme/tiny")[0].name == tiny
    hub.answers.clear()
    assert user.resolve(f"hf:acme/tiny@{old}")[0].name == old  # fetched as v1
    assert "there is no revision 'v2'" in failed_revision(hub, user)


def failed_revision(hub: Loopback, user: User) -> str:
    hub.answers["/api/models/acme/tiny/revision/v2"] = Answer(
        status=404, headers={"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id: v2"}
    )
    return user.fails("hf:acme/tiny@v2")


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        ({"vocab.json": b"{}", "merges.txt": b"#"}, {"vocab.json", "merges.txt"}),
        ({"tokenizer.model": b"m", "vocab.txt": b"a"}, {"tokenizer.model"}),
        (
            {"vocab.txt": b"a", "vocab.json": b"{}", "special_tokens_map.json": b"{}"},
            {"vocab.txt", "special_tokens_map.json"},
        ),
    ],
)
def test_other_formats_are_taken_where_there_is_no_tokenizer_json_and_that_is_remembered(
    hub: Loopback, user: User, files: dict[str, bytes], taken: set[str]
) -> None:
    publish(hub, "acme/old", {**files, "config.json": b"{}"})
    folder, _, _ = user.resolve("hf:acme/old")
    assert {path.name for path in folder.iterdir()} == taken
    hub.answers.clear()
    assert user.resolve("hf:acme/old") == (folder, "acme/old", False)


def test_a_mirror_that_does_not_name_the_commit_of_what_it_lacks_will_do(
    hub: Loopback, user: User, tiny: str, tokenizer: Tokenizer
) -> None:
    for answer in hub.answers.values():
        if answer.status == 404:
            del answer.headers["X-Repo-Commit"]
    assert user.ids("hf:acme/tiny") == tokenizer.encode("the bank")


def test_what_another_program_fetched_is_completed_first(hub: Loopback, user: User, tokenizer: Tokenizer) -> None:
    commit = publish(hub, "acme/tiny", {"tokenizer.json": tokenizer.serialized(), "vocab.txt": b"a"})
    stored = user.cache / "models--acme--tiny"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(commit)
    (stored / "snapshots" / commit).mkdir(parents=True)
    (stored / "snapshots" / commit / "vocab.txt").write_text("a")
    assert not (user.resolve("hf:acme/tiny", HF_HUB_OFFLINE="1")[0] / "tokenizer.json").exists()  # all there is
    assert (user.resolve("hf:acme/tiny")[0] / "tokenizer.json").exists()


@pytest.mark.parametrize("variable", ["ATTNCLI_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_with_a_cold_cache_says_what_to_do(hub: Loopback, user: User, tiny: str, variable: str) -> None:
    line = user.fails("hf:acme/tiny", **{variable: "1"})
    assert line == (
        "attncli encode: hf:acme/tiny: is not in the cache, and this is offline; "
        "fetch tokenizer.json of acme/tiny by hand and give the path"
    )
    assert hub.asked == []


def test_no_network_is_told_in_a_line(tmp_path: Path) -> None:
    with serve() as hub:
        user = User(hub, tmp_path)
    assert "hf:acme/tiny: could not be fetched (" in user.fails("hf:acme/tiny")


@pytest.mark.parametrize("lfs", [(), ("tokenizer.json",)])
def test_a_wrong_digest_is_refused_and_not_kept(
    hub: Loopback, user: User, tokenizer: Tokenizer, lfs: tuple[str, ...]
) -> None:
    data = tokenizer.serialized()
    publish(hub, "acme/tiny", {"tokenizer.json": data}, lfs=lfs)
    answers = [answer for answer in hub.answers.values() if answer.body == data]
    for answer in answers:
        answer.body = data.replace(b"bank", b"bnak")
        assert answer.body != data
    assert "tokenizer.json is not what was published" in user.fails("hf:acme/tiny")
    assert user.kept() == []
    for answer in answers:
        answer.body = data
    assert user.ids("hf:acme/tiny") == tokenizer.encode("the bank")


def test_a_connection_cut_once_is_resumed(hub: Loopback, user: User, tiny: str, tokenizer: Tokenizer) -> None:
    hub.answers["/acme/tiny/resolve/main/tokenizer.json"].cuts = 1
    assert user.ids("hf:acme/tiny") == tokenizer.encode("the bank")


def test_a_connection_cut_for_good_leaves_no_half_file(
    hub: Loopback, user: User, tiny: str, tokenizer: Tokenizer
) -> None:
    answer = hub.answers["/acme/tiny/resolve/main/tokenizer.json"]
    answer.cuts = 1000
    assert "hf:acme/tiny: could not be fetched (" in user.fails("hf:acme/tiny")
    assert user.kept() == []
    answer.cuts = 0
    assert user.ids("hf:acme/tiny") == tokenizer.encode("the bank")
    assert user.kept() != []


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (
            404,
            "RepoNotFound",
            "the hub has no such repository, or hides it; check the name; for a private one set HF_TOKEN",
        ),
        (401, "RepoNotFound", "the hub has no such repository, or hides it"),
        (401, "GatedRepo", "its owner asks you to accept terms first"),
        (500, "", "could not be fetched ("),
    ],
)
def test_what_the_hub_refuses_is_told_in_a_line(hub: Loopback, user: User, status: int, code: str, says: str) -> None:
    hub.answers["/api/models/acme/none/revision/main"] = Answer(status=status, headers={"X-Error-Code": code})
    assert f"hf:acme/none: {says}" in user.fails("hf:acme/none")


def test_the_users_token_is_sent(hub: Loopback, user: User, tiny: str) -> None:
    user.resolve("hf:acme/tiny", HF_TOKEN="hf_secret")
    assert set(hub.tokens) == {"Bearer hf_secret"}


def test_without_the_client_the_extra_is_named(hub: Loopback, user: User, tiny: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_CLIENT, "encode", "-t", "hf:acme/tiny"],
        input=b"x\n",
        capture_output=True,
        env=environment(**user.variables),
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "attncli encode: hf:acme/tiny: is not in the cache, and huggingface_hub is missing; "
        "pip install 'attncli[hub]', or fetch tokenizer.json of acme/tiny by hand and give the path\n"
    )


def test_pickle_is_never_fetched(hub: Loopback, user: User) -> None:
    publish(hub, "acme/weights", {"pytorch_model.bin": b"\x80\x04.", "config.json": b"{}"})
    line = user.fails("hf:acme/weights")
    assert "hf:acme/weights: holds no tokenizer (pytorch_model.bin is pickle, which is never read); name one" in line
    assert [asked for asked in hub.asked if ".bin" in asked] == []
    with pytest.raises(CallError, match="may hold code"):
        Wanted("model", (("pytorch_model.bin",),))


def test_file_names_that_climb_are_not_followed(
    hub: Loopback, user: User, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    climbing = ("../../../evil.json", "/tmp/evil.json", "..\\evil.json", "a/../../tokenizer.json")
    publish(hub, "acme/tiny", {"tokenizer.json": tokenizer.serialized()}, also_listed=climbing)
    assert user.ids("hf:acme/tiny") == tokenizer.encode("the bank")
    assert [asked for asked in hub.asked if "evil" in asked or ".." in asked] == []
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and user.cache not in path.parents]
    assert [path for path in outside if path.name.endswith("json") and "tokenizer" in path.name] == []


def test_a_file_above_the_limit_is_not_fetched(hub: Loopback, user: User, tiny: str) -> None:
    answer = hub.answers["/api/models/acme/tiny/revision/main"]
    info = json.loads(answer.body)
    info["siblings"][0]["size"] = 1 << 40
    answer.body = json.dumps(info).encode()
    assert "tokenizer.json has 1,099,511,627,776 bytes, and 268,435,456 are the most" in user.fails("hf:acme/tiny")
    assert [asked for asked in hub.asked if "resolve" in asked] == []


def test_a_commit_that_is_none_is_refused(hub: Loopback, user: User, tiny: str) -> None:
    answer = hub.answers["/acme/tiny/resolve/main/tokenizer.json"]
    answer.headers["X-Repo-Commit"] = "../../../../evil"
    assert "hf:acme/tiny: could not be fetched (" in user.fails("hf:acme/tiny")
    assert list(user.cache.parent.parent.rglob("evil*")) == []


@pytest.mark.parametrize(
    "name", ["hf:", "hf:a/b/c", "hf:../b", "hf:a/..", "hf:a/b@", "hf:a/b@../../x", "hf:a--b/c", "hf:/etc/x"]
)
def test_names_that_could_leave_the_cache_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CallError, match="names no repository"):
        parse(name)
    assert failure("encode", "-t", name, stdin=b"x\n")[0] == 2


def test_a_reference_that_holds_no_commit_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    stored = tmp_path / "models--acme--tiny"
    (stored / "refs").mkdir(parents=True)
    snapshot = stored / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    for name in ("tokenizer.json", *TOKENIZER.beside):
        (snapshot / name).write_text("{}")
    for text in ("../snapshots/" + "a" * 40, ".", "", "x" * 10**6, "a" * 39):
        (stored / "refs" / "main").write_text(text)
        assert find(Repository("acme/tiny"), TOKENIZER) is None
    (stored / "refs" / "main").write_text("a" * 40 + "\n")
    assert find(Repository("acme/tiny"), TOKENIZER) == snapshot


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"HF_HUB_CACHE": "/c", "HF_HOME": "/h"}, "/c"),
        ({"HUGGINGFACE_HUB_CACHE": "/old"}, "/old"),
        ({"HF_HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/h/hub"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({"HOME": "/u"}, "/u/.cache/huggingface/hub"),
        ({"HF_HOME": "~/h", "HOME": "/u"}, "/u/h/hub"),
    ],
)
def test_the_cache_is_where_the_client_has_it(variables: dict[str, str], place: str) -> None:
    program = (
        "from attncli.artifacts.hub_cache import _root; from huggingface_hub.constants import HF_HUB_CACHE; "
        "print(_root(), HF_HUB_CACHE)"
    )
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGINGFACE_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=kept | variables, check=True
    )
    assert done.stdout.split() == [place, place]


def test_a_path_wins_over_a_name(hub: Loopback, user: User, tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "hf:acme").mkdir()
    tokenizer.save(tmp_path / "hf:acme" / "tiny")
    done = run("encode", "-t", "hf:acme/tiny", "--to", "ids", stdin=b"the bank\n", cwd=tmp_path, **user.variables)
    assert [int(word) for word in done.stdout.split()] == tokenizer.encode("the bank")
    assert hub.asked == []
