"""Maps whose fixed points are known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch


@dataclass(eq=False)
class Affine:
    """z -> A z + b, sample by sample, counting the samples that it was evaluated for."""

    a: torch.Tensor
    b: torch.Tensor
    seen: list

    def __call__(self, z):
        self.seen.append(len(z))
        return torch.einsum("bij,b...j->b...i", self.a, z) + self.b.reshape(len(z), *[1] * (z.ndim - 2), -1)

    def index(self, rows):
        return replace(self, a=self.a[rows], b=self.b[rows])

    @property
    def fixed(self):
        eye = torch.eye(self.a.shape[-1], dtype=self.a.dtype)
        return torch.linalg.solve(eye - self.a, self.b)


def affine(samples, p, radius, seed=0, dtype=torch.float64):
    """Random affine maps of a spectral radius each; a number, or one for each sample."""
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(samples, p, p, generator=generator, dtype=dtype)
    a = (a + a.mT) / 2
    radii = torch.as_tensor(radius, dtype=dtype).expand(samples)
    a = a * (radii / torch.linalg.eigvalsh(a).abs().amax(1))[:, None, None]
    return Affine(a, torch.randn(samples, p, generator=generator, dtype=dtype), [])


def polygon(n):
    """A regular polygon, and the turn by which its corners follow each other."""
    angles = torch.arange(n, dtype=torch.float64) * 2 * torch.pi / n
    corners = torch.stack([angles.cos(), angles.sin()], 1)
    turn = angles[1]
    rotation = torch.stack([torch.stack([turn.cos(), -turn.sin()]), torch.stack([turn.sin(), turn.cos()])])
    return corners, rotation
