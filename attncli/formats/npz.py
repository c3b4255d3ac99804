"""`.npz`: a zip of `.npy` arrays, as `numpy.savez` writes it. No pickle."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

from numpy.typing import NDArray

from attncli.errors import DataError
from attncli.wire import npy

__all__ = ["read"]


def read(data: Any) -> dict[str, NDArray[Any]]:
    """The arrays of a file's bytes (any buffer), by name. Raises DataError that names the wrong one."""
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                with archive.open(member) as handle:
                    # Read as it comes: what a header claims costs nothing.
                    array, _ = npy.read_array(handle)  # type: ignore[arg-type]
                if array is None:
                    raise DataError("is empty", record=member.filename)
                arrays[member.filename.removesuffix(".npy")] = array
    except DataError as error:
        raise error.at(record=member.filename) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise DataError(f"is no .npz that can be read ({error})") from error
    return arrays
