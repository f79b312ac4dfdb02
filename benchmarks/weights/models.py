"""The model that the weight benchmarks run on: SmolLM2-135M with random adapters, as large as trained ones."""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from continuum.models.sources import load_language_model

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj"]


def adapted(adapters: int = 2, *, rank: int = 32) -> Any:
    """SmolLM2-135M (float32) with random adapters "a0", "a1", ... of `rank` on all attention projections."""
    torch.manual_seed(0)
    model: Any = load_language_model("smollm2").model
    for place in range(adapters):
        config = LoraConfig(r=rank, lora_alpha=rank, target_modules=TARGETS, init_lora_weights=False)
        if place == 0:
            model = get_peft_model(model, config, adapter_name="a0")
        else:
            model.add_adapter(f"a{place}", config)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data.mul_(0.1).requires_grad_(False)
    return model.eval()
