"""Whether a student and a teacher can share layers."""

from __future__ import annotations

from typing import Any

from torch import nn

from continuum.core import IncompatibleError

from ..anatomy import Blocks
from .layout import Layout

__all__ = ["check_agreement"]

# What layers of one size must agree in too, to be the same function of their weights.
_SETTINGS = (
    "hidden_size",
    "vocab_size",
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_act",
    "activation_function",
    "rope_parameters",
    "rms_norm_eps",
    "layer_norm_eps",
    "layer_norm_epsilon",
    "sliding_window",
    "use_parallel_residual",
    "scale_attn_weights",
    "scale_attn_by_inverse_layer_idx",
    "do_layer_norm_before",
)


def check_agreement(student: Blocks, teacher: Blocks, layout: Layout) -> None:
    """Refuse two models that cannot share layers.

    Raises:
        IncompatibleError: naming both sides.
    """
    s, t = type(student.model).__name__, type(teacher.model).__name__
    if type(student.model) is not type(teacher.model):
        raise IncompatibleError(f"the student is a {s} and the teacher a {t}; members need layers of one class.")
    if len(teacher) != layout.layers or len(student) != len(layout.kept):
        raise IncompatibleError(
            f"`keep` {layout.kept} asks for a student of {len(layout.kept)} layers and a teacher of {layout.layers}; "
            f"the student has {len(student)}, the teacher {len(teacher)}."
        )
    if any(getattr(owner.config, "num_kv_shared_layers", None) for owner in (student, teacher)):
        raise IncompatibleError(
            f"layers of a {t} use keys and values of other layers, so that they cannot be exchanged."
        )
    if found := [*_settings(student, teacher), *_shapes(student, teacher, layout)]:
        raise IncompatibleError(f"the student does not fit the teacher: {'; '.join(found[:5])}.")


def _settings(student: Blocks, teacher: Blocks) -> list[str]:
    pairs = ((name, _setting(student, name), _setting(teacher, name)) for name in _SETTINGS)
    return [f"`{name}` is {a!r} in the student and {b!r} in the teacher" for name, a, b in pairs if a != b]


def _setting(owner: Blocks, name: str) -> Any:
    return getattr(owner.config, name, None)


def _shapes(student: Blocks, teacher: Blocks, layout: Layout) -> list[str]:
    """Differences of weights that should correspond."""
    parts = [(f"layer {i}", student.layers[i], teacher.layers[k]) for i, k in enumerate(layout.kept)]
    parts += [(name, student.model.get_submodule(name), teacher.model.get_submodule(name)) for name in student.first]
    if student.head is not None:
        parts.append(
            (student.head, student.model.get_submodule(student.head), teacher.model.get_submodule(student.head))
        )
    found = []
    for name, ours, theirs in parts:
        a, b = _weights(ours), _weights(theirs)
        differing = sorted(key for key in a.keys() | b.keys() if a.get(key) != b.get(key))
        found += [
            f"`{key}` of {name} is {a.get(key)} in the student and {b.get(key)} in the teacher" for key in differing
        ]
    return found


def _weights(module: nn.Module) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (tuple(w.shape), str(w.dtype).removeprefix("torch.")) for name, w in module.named_parameters()}
