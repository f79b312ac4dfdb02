"""Tiny models with random LoRA adapters, of all kinds that can be mixed.

from adapted import KINDS, adapted
"""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tiny import tiny_gpt2, tiny_llama

PLAIN = {"r": 4, "lora_alpha": 6, "target_modules": ["q_proj", "v_proj"]}

# What two adapters of one model may differ in: the options of the first and of the second.
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "rank-stabilised": ({"use_rslora": True}, {"use_rslora": True, "r": 3}),
    "one rank-stabilised": ({"use_rslora": True}, {}),
    "unequal ranks": ({"r": 2}, {"r": 5}),
    "rank pattern": ({"rank_pattern": {"layers.0.self_attn.q_proj": 2}}, {}),
    "alpha pattern": ({}, {"alpha_pattern": {"v_proj": 1}}),
    "unequal modules": ({"target_modules": ["q_proj", "down_proj"]}, {"target_modules": ["v_proj", "q_proj"]}),
    "no common module": ({"target_modules": ["o_proj"]}, {"target_modules": ["gate_proj"]}),
    "gpt2": ({"target_modules": ["c_attn", "c_proj"]}, {"target_modules": ["c_attn"]}),
}


def adapted(kind: str = "plain", names: tuple[str, ...] = ("pos", "neg"), dtype: Any = torch.float32) -> PeftModel:
    """A tiny model with random adapters `names`, which take the two options of a kind in turn; the first is active."""
    base: Any = tiny_gpt2(dtype=dtype) if kind == "gpt2" else tiny_llama(dtype=dtype)
    model: Any = base
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        for place, name in enumerate(names):
            options = PLAIN | KINDS[kind][place % 2]
            transposed = {"fan_in_fan_out": True} if kind == "gpt2" else {}
            config = LoraConfig(**options, **transposed, lora_dropout=0.1, init_lora_weights=False)
            if model is base:
                model = get_peft_model(base, config, adapter_name=name, autocast_adapter_dtype=False)
            else:
                model.add_adapter(name, config, autocast_adapter_dtype=False)
    return model.to(dtype).eval()
