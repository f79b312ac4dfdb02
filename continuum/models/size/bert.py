"""Students of another class than their teacher, in the class of the teacher."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from continuum.core import IncompatibleError

from ..anatomy import blocks
from .assembly import Layer, assembled, keep_true_ties

__all__ = ["CONVERTERS", "bert_from_distilbert", "in_class_of"]

_LAYER = {
    "attention.q_lin": "attention.self.query",
    "attention.k_lin": "attention.self.key",
    "attention.v_lin": "attention.self.value",
    "attention.out_lin": "attention.output.dense",
    "sa_layer_norm": "attention.output.LayerNorm",
    "ffn.lin1": "intermediate.dense",
    "ffn.lin2": "output.dense",
    "output_layer_norm": "output.LayerNorm",
}
_AROUND = {
    "distilbert.embeddings.word_embeddings": "bert.embeddings.word_embeddings",
    "distilbert.embeddings.position_embeddings": "bert.embeddings.position_embeddings",
    "distilbert.embeddings.LayerNorm": "bert.embeddings.LayerNorm",
    "vocab_transform": "cls.predictions.transform.dense",
    "vocab_layer_norm": "cls.predictions.transform.LayerNorm",
    "vocab_projector": "cls.predictions.decoder",
}
_SETTINGS = {"n_heads": "num_attention_heads", "activation": "hidden_act", "dim": "hidden_size"}
_EPSILON = 1e-12  # of all normalizations of DistilBERT, which no configuration changes


def in_class_of(student: Any, teacher: Any) -> Any:
    """`student` as a model of the class of its teacher, over the same weights; itself if it is one."""
    if type(student) is type(teacher):
        return student
    convert = CONVERTERS.get((type(student).__name__, type(teacher).__name__))
    return student if convert is None else convert(student, teacher)


def bert_from_distilbert(student: Any, teacher: Any) -> Any:
    """A DistilBERT as a BERT that says the same, bit for bit, over the weights that it has.

    Only the embeddings of token types are new, which DistilBERT lacks: zeros.

    Args:
        student: a `DistilBertForMaskedLM`.
        teacher: a `BertForMaskedLM`.

    Raises:
        IncompatibleError: if settings of the two differ that are not weights.
    """
    _check_settings(student, teacher)
    found = blocks(teacher)
    theirs = student.distilbert.transformer.layer
    if len(theirs) > len(found):
        raise IncompatibleError(f"the student has {len(theirs)} layers, more than the {len(found)} of its teacher.")
    model = assembled(found, found, [Layer(found, index) for index in range(len(theirs))])
    for place, layer in enumerate(theirs):
        _give(layer, model.bert.encoder.layer[place], _LAYER)
    _give(student, model, _AROUND)
    head = model.cls.predictions
    if "bias" in head._parameters:  # BERT has the bias of its decoder under two names
        head.bias = head.decoder.bias
    types = model.bert.embeddings.token_type_embeddings
    types.weight = nn.Parameter(torch.zeros_like(types.weight), requires_grad=False)
    model.name_or_path = student.name_or_path
    keep_true_ties(model)
    return model


# By the classes of the student and of the teacher.
CONVERTERS: Mapping[tuple[str, str], Callable[[Any, Any], Any]] = {
    ("DistilBertForMaskedLM", "BertForMaskedLM"): bert_from_distilbert,
}


def _give(source: nn.Module, target: nn.Module, names: Mapping[str, str]) -> None:
    """Put the weights of modules of `source` in the place of those of `target`."""
    for old, new in names.items():
        place = target.get_submodule(new)
        for name, weight in source.get_submodule(old).named_parameters():
            setattr(place, name, weight)


def _check_settings(student: Any, teacher: Any) -> None:
    for ours, theirs in _SETTINGS.items():
        a, b = getattr(student.config, ours), getattr(teacher.config, theirs)
        if a != b:
            raise IncompatibleError(f"`{ours}` of the student is {a!r}, and `{theirs}` of the teacher is {b!r}.")
    if teacher.config.layer_norm_eps != _EPSILON:
        raise IncompatibleError(
            f"`layer_norm_eps` of the teacher is {teacher.config.layer_norm_eps}, and that of DistilBERT {_EPSILON}."
        )
