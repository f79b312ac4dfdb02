"""Hidden states and chosen logits of a forward pass, seen by hooks: nothing is copied, and no other logits exist."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from continuum.core import IncompatibleError

from ..anatomy import Blocks

__all__ = ["hidden", "watched"]


@contextmanager
def watched(model: Blocks, states: Collection[int], at: Tensor) -> Iterator[Mapping[int, Tensor]]:
    """Within this block a forward pass fills the mapping with hidden states, and gives logits at chosen positions only.

    Hidden state 0 is what goes into the first layer, k what layer k - 1 gives, and the last one what goes into the
    head, after the final norm: the numbers of `output_hidden_states`.

    Args:
        model: a causal language model.
        states: which hidden states.
        at: where its head is applied, (rows, tokens): its logits are (n, vocabulary) then.

    Raises:
        IncompatibleError: if it has no head.
    """
    if model.head is None:
        raise IncompatibleError(f"{type(model.model).__name__} has no head, thus no logits.")
    found: dict[int, Tensor] = {}
    head, depth = model.model.get_submodule(model.head), len(model)
    with ExitStack() as stack:

        def before(module: nn.Module, hook: Callable[..., Any]) -> None:
            stack.callback(module.register_forward_pre_hook(hook).remove)

        # In this order: the head is to be watched before its input is cut.
        if depth in states:
            before(head, lambda module, args: found.update({depth: args[0]}))
        before(head, lambda module, args: (args[0][at], *args[1:]))
        if 0 in states:
            before(model.layers[0], lambda module, args: found.update({0: args[0]}))
        for k in set(states) - {0, depth}:
            handle = model.layers[k - 1].register_forward_hook(
                lambda module, args, output, k=k: found.update({k: hidden(output)})
            )
            stack.callback(handle.remove)
        yield found


def hidden(output: Any) -> Tensor:
    """The hidden states in what a layer gives, which is a tuple in some families."""
    return output[0] if isinstance(output, tuple) else output  # type: ignore[no-any-return]
