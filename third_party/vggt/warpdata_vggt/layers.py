"""The transformer block of every part of the networks.

Shape letters: F frames (of all scenes), P tokens of a frame, C width, H heads, D width of a head.

Precision: the residual stream, the norms, the q/k norm and the rotation are float32; matrix products and attention run
in the dtype that their weights are held in. With float32 weights everything is float32.
"""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from .probe import Record, ignore
from .rope import RopeTable, rotate


class MaskedLinear(nn.Linear):
    """A linear layer whose bias is multiplied by a stored mask, as VGGT-Omega's checkpoints hold it.

    Loading folds the mask into the bias and leaves a mask of ones: the same function, without the product each time.
    """

    def __init__(self, in_features: int, out_features: int, dtype: torch.dtype) -> None:
        super().__init__(in_features, out_features, dtype=dtype)
        self.register_buffer("bias_mask", torch.ones(out_features, dtype=torch.float32))
        self.register_load_state_dict_post_hook(_fold_bias_mask)


def _fold_bias_mask(layer: MaskedLinear, _: object) -> None:
    with torch.no_grad():
        layer.bias.mul_(layer.bias_mask)
        layer.bias_mask = torch.ones_like(layer.bias_mask)


class LayerScale(nn.Module):
    """A learned factor per channel on a residual branch."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim, dtype=torch.float32))


class Mlp(nn.Module):
    """Two linear layers with an exact (erf) GELU between them."""

    def __init__(self, dim: int, hidden: int, out: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden, dtype=dtype)
        self.fc2 = nn.Linear(hidden, out, dtype=dtype)

    def forward(self, x: Float[Tensor, "*n c"]) -> Float[Tensor, "*n d"]:
        return self.fc2(F.gelu(self.fc1(x.to(self.fc1.weight.dtype))))


class Attention(nn.Module):
    """The weights of one attention layer, and the steps on either side of the attention product itself."""

    def __init__(self, dim: int, heads: int, *, qk_norm: bool, masked_bias: bool, dtype: torch.dtype) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"a width of {dim} does not divide into {heads} heads")
        self.num_heads = heads
        self.qkv = MaskedLinear(dim, 3 * dim, dtype) if masked_bias else nn.Linear(dim, 3 * dim, dtype=dtype)
        # The q/k norms have eps 1e-5 even where the norms of the block around them have 1e-6.
        self.q_norm = nn.LayerNorm(dim // heads, eps=1e-5, dtype=torch.float32) if qk_norm else None
        self.k_norm = nn.LayerNorm(dim // heads, eps=1e-5, dtype=torch.float32) if qk_norm else None
        self.proj = nn.Linear(dim, dim, dtype=dtype)

    def heads(
        self, x: Float[Tensor, "F P C"], table: RopeTable | None, record: Record = ignore
    ) -> tuple[Float[Tensor, "F P H D"], Float[Tensor, "F P H D"], Float[Tensor, "F P H D"]]:
        """Queries, keys and values, in the dtype of the weights."""
        dtype = self.qkv.weight.dtype
        qkv = self.qkv(x.to(dtype)).unflatten(-1, (3, self.num_heads, -1))
        qk, v = qkv[..., :2, :, :], qkv[..., 2, :, :]
        if self.q_norm is not None:
            qk = self.normed(qk.float())
            record("q_normed", qk[..., 0, :, :].transpose(1, 2))
        if table is not None:
            qk = rotate(qk.float(), RopeTable(*(angles.unsqueeze(-4) for angles in table)))
        q, k = qk.to(dtype).unbind(-3)
        return q, k, v

    def normed(self, qk: Float[Tensor, "F P 2 H D"]) -> Float[Tensor, "F P 2 H D"]:
        """Queries and keys, each by their own norm, in one pass over both."""
        weight, bias = (
            torch.stack((getattr(self.q_norm, name), getattr(self.k_norm, name)))[:, None]
            for name in ("weight", "bias")
        )
        unit = F.layer_norm(qk, qk.shape[-1:], eps=self.q_norm.eps)
        return torch.addcmul(bias, unit, weight)


ATTENTION = [
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]
"""Kernels of the attention product on a GPU of Hopper's kind or newer, the fastest first; PyTorch's own choice there is
made for older ones."""


def fastest_attention(device: torch.device) -> AbstractContextManager:
    """Within it, attention products on `device` take the first kernel of `ATTENTION` that can do them."""
    ordered = "set_priority" in inspect.signature(sdpa_kernel).parameters  # PyTorch 2.6 and later
    if device.type == "cuda" and ordered and torch.cuda.get_device_capability(device) >= (9, 0):
        return sdpa_kernel(ATTENTION, set_priority=True)
    return nullcontext()


def attend(q: Float[Tensor, "F P H D"], k: Tensor, v: Tensor, across: int) -> Float[Tensor, "F P C"]:
    """Softmax attention of all tokens of `across` consecutive frames with each other."""
    frames, tokens = q.shape[:2]
    q, k, v = (t.reshape(frames // across, across * tokens, *t.shape[2:]).transpose(1, 2) for t in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(frames, tokens, -1)


class Block(nn.Module):
    """Pre-norm attention and MLP, each on a scaled residual branch."""

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        mlp_ratio: float = 4.0,
        eps: float = 1e-5,
        qk_norm: bool = False,
        masked_bias: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps, dtype=torch.float32)
        self.attn = Attention(dim, heads, qk_norm=qk_norm, masked_bias=masked_bias, dtype=dtype)
        self.ls1 = LayerScale(dim)
        self.norm2 = nn.LayerNorm(dim, eps=eps, dtype=torch.float32)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), dim, dtype)
        self.ls2 = LayerScale(dim)

    def forward(
        self,
        x: Float[Tensor, "F P C"],
        table: RopeTable | None = None,
        *,
        across: int = 1,
        chunk: int | None = None,
        record: Record = ignore,
    ) -> None:
        """Update the float32 residual stream `x` in place.

        Args:
            x: tokens of F frames.
            table: rotation of q and k, shaped to broadcast over [F, P, H].
            across: how many consecutive frames attend to each other: 1 is attention inside each frame.
            chunk: frames taken at a time outside the attention product, which bounds the memory of the wide
                intermediate tensors; None takes all of them.
            record: told `q_normed` and `attn_out`.
        """
        frames = len(x)
        chunk = chunk or frames
        if chunk >= frames:
            q, k, v = self.queries(x, table, record)
        else:
            shape = (*x.shape[:2], self.attn.num_heads, x.shape[2] // self.attn.num_heads)
            q, k, v = (x.new_empty(shape, dtype=self.attn.qkv.weight.dtype) for _ in range(3))
            for at in range(0, frames, chunk):
                part = slice(at, at + chunk)
                q[part], k[part], v[part] = self.queries(x[part], table, record)
        attended = attend(q, k, v, across)
        del q, k, v
        for at in range(0, frames, chunk):
            self.finish(x[at : at + chunk], attended[at : at + chunk], record)

    def queries(
        self, x: Float[Tensor, "F P C"], table: RopeTable | None, record: Record = ignore
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What comes before the attention product: norm, q, k and v."""
        return self.attn.heads(self.norm1(x), table, record)

    def finish(self, x: Float[Tensor, "F P C"], attended: Float[Tensor, "F P C"], record: Record = ignore) -> None:
        """What comes after the attention product: projection, residual, MLP, residual; in place."""
        branch = self.attn.proj(attended)
        record("attn_out", branch)
        x.addcmul_(self.ls1.gamma, branch)
        x.addcmul_(self.ls2.gamma, self.mlp(self.norm2(x)))
