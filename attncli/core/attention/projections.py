"""The matrices around attention: queries, keys and values from vectors, and the way back.

Q = x·Wq + bq, K = x·Wk + bk, V = x·Wv + bv, and after the heads are joined y = heads·Wo + bo (Vaswani et al.
2017, section 3.2.2). W has shape (D_in, D_out). The matrices of PyTorch's nn.MultiheadAttention stand the other way
round, (out, in), and are taken under their own names: `in_proj_weight` (3·D, D), or where keys and values are as wide
as something else `q_proj_weight` (D, D), `k_proj_weight` (D, kdim), `v_proj_weight` (D, vdim); `in_proj_bias` (3·D,),
`out_proj.weight` (D, D), `out_proj.bias` (D,).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.errors import DataError

__all__ = ["Linear", "Projections"]

Floats = NDArray[np.floating[Any]]
ROLES = ("q", "k", "v", "o")
NAMES = "they are named Wq, Wk, Wv and Wo (D_in, D_out), bq, bk, bv and bo, or as PyTorch names them"
APART = {"q_proj_weight": "Wq", "k_proj_weight": "Wk", "v_proj_weight": "Wv"}
TORCH_NAMES = ("in_proj_weight", *APART, "in_proj_bias", "out_proj.weight", "out_proj.bias")


@dataclass(frozen=True)
class Linear:
    """x·W + b; without W the identity.

    >>> Linear(np.eye(2, dtype=np.float32), None)(np.ones((1, 2), np.float32))
    array([[1., 1.]], dtype=float32)
    """

    W: Floats | None = None
    """(D_in, D_out)"""
    b: Floats | None = None
    """(D_out,)"""
    role: str = ""
    """q, k, v or o, for errors."""

    def __call__(self, x: Floats) -> Floats:
        """x (T, D_in) -> (T, D_out), in float64 where x is that, else in float32."""
        if self.W is None and self.b is None:
            return x
        x = x if x.dtype == np.float64 else x.astype(np.float32, copy=False)
        if self.W is not None:
            if x.shape[-1] != self.W.shape[0]:
                raise DataError(
                    f"W{self.role} has shape {self.W.shape}, and meets vectors of width {x.shape[-1]}",
                    hint="it is (D_in, D_out)",
                    argument="projections",
                )
            x = x @ self.W.astype(x.dtype, copy=False)
        return x if self.b is None else x + self.b.astype(x.dtype, copy=False)


@dataclass(frozen=True)
class Projections:
    """The four projections of one attention layer; each the identity where nothing was given."""

    q: Linear = Linear()
    k: Linear = Linear()
    v: Linear = Linear()
    o: Linear = Linear()

    @classmethod
    def random(cls, width: int, *, heads: int, kv_heads: int, seed: int) -> Projections:
        """Normal with sd 1/√D, so that each projected number keeps the variance of its vector.

        `width` is D; keys and values get kv_heads · D/heads columns.
        """
        generator = np.random.default_rng(seed)
        narrow = width // heads * kv_heads

        def linear(rows: int, columns: int) -> Linear:
            return Linear(generator.standard_normal((rows, columns), np.float32) / np.float32(np.sqrt(rows)))

        return cls(linear(width, width), linear(width, narrow), linear(width, narrow), linear(width, width))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Projections:
        """From arrays named Wq Wk Wv Wo bq bk bv bo, or PyTorch's own names; Wo and the biases may be missing.

        float64 stays so, all else becomes float32.

        Raises DataError for a name that is none of these, a wrong shape, NaN or infinity.
        """
        if not arrays:
            raise DataError("holds no arrays", hint=NAMES)
        for name, array in arrays.items():
            if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
                raise DataError(f"{name or 'the array'} does not hold finite numbers")
        if any(name in TORCH_NAMES for name in arrays):
            arrays = _from_torch(arrays)
        known = {f"{letter}{role}" for letter in "Wb" for role in ROLES}
        if unknown := sorted(set(arrays) - known):
            raise DataError(f"holds {_listed({name: arrays[name] for name in unknown})}", hint=NAMES)
        made = cls(*(_linear(role, arrays) for role in ROLES))
        if missing := [f"W{role}" for role in "qkv" if f"W{role}" not in arrays]:
            told = f"lacks {', '.join(missing)} beside {_listed(arrays)}"
            raise DataError(told, hint="an identity matrix leaves vectors as they are")
        return made


def _listed(arrays: Mapping[str, NDArray[Any]]) -> str:
    return ", ".join(f"{name or 'an array without a name'} {array.shape}" for name, array in arrays.items())


def _linear(role: str, arrays: Mapping[str, NDArray[Any]]) -> Linear:
    W, b = (None if (array := arrays.get(f"{letter}{role}")) is None else _floats(array) for letter in "Wb")
    if W is not None and W.ndim != 2:
        raise DataError(f"W{role} has shape {W.shape}, not (D_in, D_out)")
    if b is not None and (b.ndim != 1 or (W is not None and b.shape[0] != W.shape[1])):
        wanted = "(D_out,)" if W is None else (W.shape[1],)
        raise DataError(f"b{role} has shape {b.shape}, not {wanted}, which fits W{role}")
    return Linear(W, b, role)


def _floats(array: NDArray[Any]) -> Floats:
    return array.astype(np.float64 if array.dtype == np.float64 else np.float32, copy=False)


def _from_torch(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """nn.MultiheadAttention's packed (out, in) matrices under our names, (in, out)."""
    if foreign := sorted(set(arrays) - set(TORCH_NAMES)):
        raise DataError(f"holds {', '.join(foreign)} beside PyTorch's names", hint="use one naming or the other")
    named: dict[str, NDArray[Any]] = {ours: arrays[theirs].T for theirs, ours in APART.items() if theirs in arrays}
    packed, packed_bias = arrays.get("in_proj_weight"), arrays.get("in_proj_bias")
    if packed is not None:
        if packed.ndim != 2 or packed.shape[0] != 3 * packed.shape[1]:
            raise DataError(f"in_proj_weight has shape {packed.shape}, not (3·D, D)")
        named |= {f"W{role}": part.T for role, part in zip("qkv", np.split(packed, 3), strict=True)}
    if packed_bias is not None:
        if packed_bias.ndim != 1 or packed_bias.shape[0] % 3:
            raise DataError(f"in_proj_bias has shape {packed_bias.shape}, not (3·D,)")
        named |= {f"b{role}": part for role, part in zip("qkv", np.split(packed_bias, 3), strict=True)}
    if "out_proj.weight" in arrays:
        named["Wo"] = arrays["out_proj.weight"].T
    if "out_proj.bias" in arrays:
        named["bo"] = arrays["out_proj.bias"]
    return named
