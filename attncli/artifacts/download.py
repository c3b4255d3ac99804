"""One file over HTTP: bounded, whole, and from nowhere but the web."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from typing import IO
from urllib.parse import urlsplit

from attncli.errors import DataError

__all__ = ["download", "is_offline"]

OFFLINE = ("ATTNCLI_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
TRUE = ("1", "ON", "YES", "TRUE")
"""What huggingface_hub takes for a yes."""
TIMEOUT = 30
"""Seconds without a byte."""
CHUNK = 1 << 16


def is_offline() -> bool:
    """Whether the user forbids the network."""
    return any(os.environ.get(name, "").upper() in TRUE for name in OFFLINE)


def download(url: str, *, limit: int) -> bytes:
    """The bytes at an http or https URL; the system's proxies are honoured.

    Raises DataError that names the URL for another scheme, also in a redirect, for an answer above `limit` bytes or
    cut short, and where there is no network.

    >>> download("file:///etc/hosts", limit=1000)
    Traceback (most recent call last):
    attncli.errors.DataError: file:///etc/hosts: is no address on the web; use https
    """
    _refuse_other_schemes(url, url)
    opener = urllib.request.OpenerDirector()  # build_opener would add file: and ftp: too
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    try:
        answer = opener.open(urllib.request.Request(url, headers={"User-Agent": "attncli"}), timeout=TIMEOUT)
        with answer:
            return _whole(answer, answer.headers.get("Content-Length"), limit)
    except DataError as error:
        raise error.at(source=url) from None
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError(f"the server answers {error.code} {error.reason}", source=url) from error
    except (OSError, http.client.HTTPException) as error:  # no network, a reset, an answer that is no HTTP
        reason = getattr(error, "reason", None) or error
        raise DataError(f"cannot be fetched ({reason})", source=url, hint="look at the network") from error


def _whole(answer: IO[bytes], promised: str | None, limit: int) -> bytes:
    size = int(promised) if promised is not None and promised.isdecimal() else None
    data = bytearray()
    while size is None or size <= limit:
        try:
            chunk = answer.read(CHUNK)
        except http.client.IncompleteRead:
            raise DataError("the connection was cut half-way", hint="try again") from None
        data += chunk
        if not chunk or len(data) > limit:
            break
    if len(data) > limit or (size is not None and size > limit):
        raise DataError(f"the answer is larger than {limit:,} bytes")
    if size is not None and len(data) != size:
        raise DataError(f"the connection was cut after {len(data):,} of {size:,} bytes", hint="try again")
    return bytes(data)


def _refuse_other_schemes(url: str, source: str) -> None:
    if urlsplit(url).scheme not in ("http", "https"):
        raise DataError(
            "is no address on the web" if url == source else f"leads to {url}", source=source, hint="use https"
        )


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to the web alone, and never from https to http."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        _refuse_other_schemes(newurl, req.full_url)
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise DataError(f"leads out of https, to {newurl}", source=req.full_url)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
