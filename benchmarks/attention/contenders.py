"""Who computes attention, and how: the one table for these benchmarks. A missing library is left out, and said so.

Each contender is made for some arrays once, and what comes back is called for each round: so layouts, graphs and
compilation stand outside the time. Queries, keys and values are float32 (H, N, d); so is what is returned.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from peers import present

OURS = "attncli"
LARGEST_NAIVE = 1 << 28
"""Numbers in the weights above which those that keep them all are left out."""
WINDOW = 256
RANK = FEATURES = LANDMARKS = 256

Run = Callable[[], Any]


@dataclass(frozen=True)
class Contender:
    """One way of computing attention."""

    module: str
    """What is imported, and looked for."""
    make: Callable[..., Run]
    """(q, k, v) and for exact attention causal -> a function that runs it."""
    keeps_weights: bool = False
    """Whether it holds H·N² numbers."""


def usable(contenders: dict[str, Contender], numbers: int) -> dict[str, Contender]:
    """Those that are installed and have the memory for so many weights."""
    found = {name: one for name, one in contenders.items() if all(present(part) for part in one.module.split())}
    return {name: one for name, one in found.items() if numbers <= LARGEST_NAIVE or not one.keeps_weights}


def vectors(heads: int, length: int, width: int = 64) -> list[Any]:
    random = np.random.default_rng(0)
    return [random.standard_normal((heads, length, width), np.float32) for _ in range(3)]


def ours(q: Any, k: Any, v: Any, causal: bool = False, **options: Any) -> Run:
    import attncli

    return lambda: attncli.attention(q, k, v, causal=causal, **options)


def tensors(*arrays: Any) -> list[Any]:
    import torch

    return [torch.from_numpy(array)[None] for array in arrays]


def in_torch(run: Callable[[], Any]) -> Run:
    """Without gradients, and as (H, N, d)."""
    import torch

    def call() -> Any:
        with torch.inference_mode():
            return run()[0].numpy()

    return call


def torch_sdpa(backend: str) -> Callable[..., Run]:
    def make(q: Any, k: Any, v: Any, causal: bool = False) -> Run:
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel

        q, k, v = tensors(q, k, v)

        def run() -> Any:
            with sdpa_kernel(getattr(SDPBackend, backend)):
                return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

        return in_torch(run)

    return make


def onnxruntime(q: Any, k: Any, v: Any, causal: bool = False) -> Run:
    """The contrib operator, which is the fast one: (1, N, H·d) in and out."""
    import onnx
    import onnxruntime as ort

    heads, length, width = q.shape
    shape = [1, length, heads * width]
    tensor = lambda name: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)  # noqa: E731
    node = onnx.helper.make_node(
        "MultiHeadAttention",
        ["q", "k", "v"],
        ["y"],
        domain="com.microsoft",
        num_heads=heads,
        unidirectional=int(causal),
    )
    graph = onnx.helper.make_graph([node], "attention", [tensor(name) for name in "qkv"], [tensor("y")])
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.microsoft", 1)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    joined = {name: np.ascontiguousarray(x.swapaxes(0, 1)).reshape(shape) for name, x in (("q", q), ("k", k), ("v", v))}
    return lambda: session.run(None, joined)[0].reshape(length, heads, width).swapaxes(0, 1)


def jax_attention(q: Any, k: Any, v: Any, causal: bool = False) -> Run:
    import jax

    run = jax.jit(lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=causal))
    arrays = [jax.numpy.asarray(x.swapaxes(0, 1)[None]) for x in (q, k, v)]
    return lambda: np.asarray(run(*arrays))[0].swapaxes(0, 1)


def numpy_naive(q: Any, k: Any, v: Any, causal: bool = False) -> Run:
    def run() -> Any:
        scores = q @ k.swapaxes(1, 2) / np.float32(np.sqrt(q.shape[2]))
        if causal:
            scores = np.where(np.tri(q.shape[1], dtype=bool), scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return (weights / weights.sum(axis=-1, keepdims=True)) @ v

    return run


def numpy_blocked(q: Any, k: Any, v: Any, causal: bool = False, block: int = 512) -> Run:
    """Blocks of queries over the keys they see."""

    def run() -> Any:
        heads, length, width = q.shape
        output = np.empty_like(v)
        for head in range(heads):
            for start in range(0, length, block):
                stop = min(start + block, length)
                seen = stop if causal else length
                scores = (q[head, start:stop] / np.float32(np.sqrt(width))) @ k[head, :seen].T
                if causal:
                    scores[:, start:][np.triu_indices(stop - start, 1)] = -np.inf
                scores -= scores.max(axis=1, keepdims=True)
                np.exp(scores, out=scores)
                output[head, start:stop] = scores @ v[head, :seen] / scores.sum(axis=1, keepdims=True)
        return output

    return run


EXACT = {
    OURS: Contender("attncli", ours),
    "torch flash": Contender("torch", torch_sdpa("FLASH_ATTENTION")),
    "torch math": Contender("torch", torch_sdpa("MATH"), keeps_weights=True),
    "onnxruntime": Contender("onnxruntime onnx", onnxruntime),
    "jax": Contender("jax", jax_attention, keeps_weights=True),
    "NumPy naive": Contender("numpy", numpy_naive, keeps_weights=True),
    "NumPy blocked": Contender("numpy", numpy_blocked),
}


def window_of(start: int, stop: int, length: int) -> tuple[int, int]:
    return max(0, start - WINDOW), min(length, stop + WINDOW)


def torch_window_chunks(q: Any, k: Any, v: Any, chunk: int = 512) -> Run:
    """Chunks of queries over the keys near them, with the mask of a chunk."""
    import torch

    q, k, v = tensors(q, k, v)
    length = q.shape[2]

    def run() -> Any:
        parts = []
        for start in range(0, length, chunk):
            stop = min(start + chunk, length)
            left, right = window_of(start, stop, length)
            at = torch.arange(start, stop)[:, None] - torch.arange(left, right)
            mask = at.abs() <= WINDOW
            near = (x[:, :, left:right] for x in (k, v))
            parts.append(torch.nn.functional.scaled_dot_product_attention(q[:, :, start:stop], *near, attn_mask=mask))
        return torch.cat(parts, dim=2)

    return in_torch(run)


def torch_window_mask(q: Any, k: Any, v: Any) -> Run:
    import torch

    q, k, v = tensors(q, k, v)
    at = torch.arange(q.shape[2])
    mask = (at[:, None] - at).abs() <= WINDOW
    return in_torch(lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask))


def torch_flex(q: Any, k: Any, v: Any) -> Run:
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    q, k, v = tensors(q, k, v)
    length = q.shape[2]

    def near(_batch: Any, _head: Any, i: Any, j: Any) -> Any:
        return (i - j).abs() <= WINDOW

    # Compiled, since it otherwise builds the N×N mask first.
    mask = torch.compile(create_block_mask)(near, None, None, length, length, device="cpu")
    compiled = torch.compile(flex_attention)
    return in_torch(lambda: compiled(q, k, v, block_mask=mask))


def local_attention(q: Any, k: Any, v: Any) -> Run:
    """Its windows of 256 with one before and one behind, and exact_windowsize: the same pairs."""
    from local_attention import LocalAttention

    layer = LocalAttention(
        window_size=WINDOW,
        look_backward=1,
        look_forward=1,
        exact_windowsize=True,
        autopad=True,
        use_rotary_pos_emb=False,
    )
    q, k, v = tensors(q, k, v)
    return in_torch(lambda: layer(q, k, v))


SPARSE = {
    OURS: Contender("attncli", lambda q, k, v: ours(q, k, v, window=WINDOW)),
    "torch, chunks": Contender("torch", torch_window_chunks),
    "torch, mask": Contender("torch", torch_window_mask, keeps_weights=True),
    "torch flex": Contender("torch", torch_flex),
    "local-attention": Contender("local_attention", local_attention),
}


def torch_linear(q: Any, k: Any, v: Any) -> Run:
    """As the paper's own torch code writes it."""
    import torch

    q, k, v = tensors(q, k, v)
    phi = lambda x: torch.nn.functional.elu(x) + 1  # noqa: E731

    def run() -> Any:
        phi_q, phi_k = phi(q), phi(k)
        state = torch.einsum("bhnd,bhne->bhde", phi_k, v)
        total = torch.einsum("bhnd,bhd->bhn", phi_q, phi_k.sum(dim=2))
        return torch.einsum("bhnd,bhde,bhn->bhne", phi_q, state, 1 / total)

    return in_torch(run)


def torch_linear_causal(q: Any, k: Any, v: Any) -> Run:
    """performer-pytorch's loop over chunks with running sums, the way without CUDA."""
    import torch
    from performer_pytorch.performer_pytorch import causal_linear_attention_noncuda

    q, k, v = tensors(q, k, v)
    phi = lambda x: torch.nn.functional.elu(x) + 1  # noqa: E731
    return in_torch(lambda: causal_linear_attention_noncuda(phi(q), phi(k), v, eps=0))


def projection(length: int) -> Any:
    return np.random.default_rng(1).standard_normal((RANK, length), np.float32) / np.float32(np.sqrt(RANK))


def torch_linformer(q: Any, k: Any, v: Any) -> Run:
    """As the library `linformer` writes it, with the softmax of torch's own kernel, which is faster."""
    import torch

    E = torch.from_numpy(projection(k.shape[1]))
    q, k, v = tensors(q, k, v)

    def run() -> Any:
        short = (torch.einsum("kn,bhnd->bhkd", E, x) for x in (k, v))
        return torch.nn.functional.scaled_dot_product_attention(q, *short)

    return in_torch(run)


def performer_pytorch(q: Any, k: Any, v: Any, causal: bool = False) -> Run:
    """With our features, and without the 1e-4 that it adds to each of its own, so that answers can be compared."""
    import torch
    from performer_pytorch import FastAttention, performer_pytorch

    from attncli.core.attention.performer import orthogonal_features

    performer_pytorch.softmax_kernel = partial(performer_pytorch.softmax_kernel, eps=0)
    layer = FastAttention(dim_heads=q.shape[2], nb_features=FEATURES, causal=causal)
    layer.projection_matrix.copy_(torch.from_numpy(orthogonal_features(FEATURES, q.shape[2], seed=0)))
    q, k, v = tensors(q, k, v)
    return in_torch(lambda: layer(q, k, v))


def nystrom_attention(q: Any, k: Any, v: Any) -> Run:
    """The library's layer without its projections, which would not be attention's."""
    import torch
    from nystrom_attention import NystromAttention

    heads, length, width = q.shape
    layer = NystromAttention(
        dim=heads * width, heads=heads, dim_head=width, num_landmarks=LANDMARKS, pinv_iterations=6, residual=False
    )
    layer.to_qkv = layer.to_out = torch.nn.Identity()
    joined = torch.cat([x.permute(0, 2, 1, 3).reshape(1, length, heads * width) for x in tensors(q, k, v)], dim=-1)
    return in_torch(lambda: layer(joined).reshape(1, length, heads, width).permute(0, 2, 1, 3))


METHODS = {
    "linear": {
        OURS: Contender("attncli", lambda q, k, v: ours(q, k, v, method="linear")),
        "torch": Contender("torch", torch_linear),
    },
    "linear, causal": {
        OURS: Contender("attncli", lambda q, k, v: ours(q, k, v, causal=True, method="linear")),
        "performer-pytorch": Contender("performer_pytorch", torch_linear_causal),
    },
    "linformer": {
        OURS: Contender("attncli", lambda q, k, v: ours(q, k, v, method="linformer", E=projection(k.shape[1]))),
        "torch": Contender("torch", torch_linformer),
    },
    "performer": {
        OURS: Contender("attncli", lambda q, k, v: ours(q, k, v, method="performer", features=FEATURES)),
        "performer-pytorch": Contender("performer_pytorch", performer_pytorch),
    },
    "performer, causal": {
        OURS: Contender("attncli", lambda q, k, v: ours(q, k, v, causal=True, method="performer", features=FEATURES)),
        "performer-pytorch": Contender("performer_pytorch", lambda q, k, v: performer_pytorch(q, k, v, causal=True)),
    },
    "nystrom": {
        OURS: Contender("attncli", lambda q, k, v: ours(q, k, v, method="nystrom", landmarks=LANDMARKS)),
        "nystrom-attention": Contender("nystrom_attention", nystrom_attention),
    },
}
