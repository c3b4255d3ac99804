"""Repositories of the Hugging Face hub, fetched by its own client.

`huggingface_hub` honours HF_HOME, HF_ENDPOINT and HF_TOKEN, and resumes what is cut; what it leaves open is done here:
no file but the wanted ones, their sizes before they are fetched, their published digests afterwards.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attncli import files
from attncli.artifacts.download import is_offline
from attncli.artifacts.hub_cache import COMMIT, Repository, Wanted, find
from attncli.errors import AttncliError, DataError

__all__ = ["fetch"]

PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def fetch(repository: Repository, wanted: Wanted) -> Path:
    """Downloads the wanted files into the user's hub cache; the folder of the snapshot.

    Raises DataError in one line: offline (unless what the cache has will do), no client installed, no such repository
    or revision, not allowed, none of the wanted files, one too large, cut half-way, or not what was published.
    """
    remedy = f"fetch {' and '.join(wanted.sets[0])} of {repository.name} by hand and give the path"
    if is_offline():
        if folder := find(repository, wanted, settled=False):
            return folder
        raise DataError("is not in the cache, and this is offline", source=str(repository), hint=remedy)
    try:
        from huggingface_hub import HfApi, hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ImportError:
        if folder := find(repository, wanted, settled=False):
            return folder
        hint = f"pip install 'attncli[hub]', or {remedy}"
        raise DataError(
            "is not in the cache, and huggingface_hub is missing", source=str(repository), hint=hint
        ) from None

    with _silent(), _one_line(repository, remedy):
        info = HfApi().model_info(repository.name, revision=repository.revision, files_metadata=True)
        listed = {sibling.rfilename: sibling for sibling in info.siblings or ()}
        chosen, absent = _choose(listed, wanted)
        for name in chosen:
            size = listed[name].size or 0
            if size > wanted.limit:
                raise DataError(f"{name} has {size:,} bytes, and {wanted.limit:,} are the most that is read")
        for name in chosen:
            path = hf_hub_download(repository.name, name, revision=repository.revision)
            _check(Path(path), listed[name])
        for name in absent:
            # Asked for all the same: the client notes in its cache that there is none, and the next start need not ask.
            try:
                hf_hub_download(repository.name, name, revision=repository.revision)
            except EntryNotFoundError as error:
                if isinstance(error, LocalEntryNotFoundError):  # a subclass that means: no network
                    raise
        folder = find(repository, wanted, settled=False)
        if folder is None or not COMMIT.fullmatch(info.sha or "") or folder.name != info.sha:
            raise DataError("changed while it was fetched", hint="try again")
        return folder


def _choose(listed: Mapping[str, Any], wanted: Wanted) -> tuple[list[str], list[str]]:
    """Names to fetch, and names that were looked for in vain."""
    absent: list[str] = []
    for names in wanted.sets:
        missing = [name for name in names if name not in listed]
        absent += missing
        if not missing:
            absent += [name for name in wanted.beside if name not in listed]
            return [*names, *(name for name in wanted.beside if name in listed)], absent
    sets = ", ".join(" with ".join(names) for names in wanted.sets)
    pickled = next((name for name in listed if Path(name).suffix in PICKLED), None)
    and_pickle = f" ({pickled} is pickle, which is never read)" if pickled else ""
    raise DataError(f"holds no {wanted.what}{and_pickle}", hint=f"name one that holds {sets}")


def _check(path: Path, listed: Any) -> None:
    """Holds a file to its published digest: SHA-256 if it is stored in LFS, else git's SHA-1 of the blob.

    A mirror that lists no digests goes unchecked. What fails is removed, the snapshot's link and the blob.
    """
    if listed.lfs is not None:
        hasher, published = hashlib.sha256(), listed.lfs.sha256
    elif listed.blob_id is not None:
        head = f"blob {path.stat().st_size}\0".encode()
        hasher, published = hashlib.sha1(head, usedforsecurity=False), listed.blob_id
    else:
        return
    if files.digest(str(path), hasher) != published:
        blob = path.resolve()
        path.unlink()
        blob.unlink(missing_ok=True)
        raise DataError(f"{path.name} is not what was published: its digest is another", hint="try again")


@contextmanager
def _silent() -> Iterator[None]:
    """The client's warnings, bars and telemetry off: what fails is told in one line, -q is honoured, and nothing is
    asked for that was not named (telemetry fetches a list of programs that might have started this one).
    """
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    logger = logging.getLogger("huggingface_hub")
    level, telemetry = logger.level, constants.HF_HUB_DISABLE_TELEMETRY
    # Where the user's variable settles the bars, the client warns of any other wish.
    bars = constants.HF_HUB_DISABLE_PROGRESS_BARS is None and not are_progress_bars_disabled()
    try:
        logger.setLevel(logging.CRITICAL)
        constants.HF_HUB_DISABLE_TELEMETRY = True
        if bars:
            disable_progress_bars()
        yield
    finally:
        logger.setLevel(level)
        constants.HF_HUB_DISABLE_TELEMETRY = telemetry
        if bars:
            enable_progress_bars()


@contextmanager
def _one_line(repository: Repository, remedy: str) -> Iterator[None]:
    """The client's errors in our words."""
    from huggingface_hub import errors

    try:
        yield
    except AttncliError as error:
        raise error.at(source=str(repository)) from None
    except errors.GatedRepoError as error:
        message, hint = "its owner asks you to accept terms first", "accept them on its page, and set HF_TOKEN"
        raise DataError(message, source=str(repository), hint=hint) from error
    except errors.RepositoryNotFoundError as error:
        hint = "check the name; for a private one set HF_TOKEN"
        raise DataError("the hub has no such repository, or hides it", source=str(repository), hint=hint) from error
    except errors.RevisionNotFoundError as error:
        message = f"there is no revision {repository.revision!r}"
        raise DataError(message, source=str(repository), hint="name a branch, a tag or a commit") from error
    except Exception as error:
        # Which library speaks HTTP under the client, and raises its errors, has changed with each major version.
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        message = f"could not be fetched ({reason})"
        raise DataError(message, source=str(repository), hint=f"try again, or {remedy}") from error
