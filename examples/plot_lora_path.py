"""
Language models in between: a path between two LoRA adapters
============================================================

Two adapters of one language model, trained on favourable and on unfavourable reviews, and every model between them and
beyond, without training another. (Needs ``continuum fetch smollm2 sentiment-text`` and the extra ``lm``; it
takes less than a minute.)
"""

# %%
# A small budget: 16 steps of 8 short sentences each. Both adapters start from the same first factor.

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from continuum.models import WeightPath, attribute_texts, fine_tune_lora, load_language_model, sentence_scores
from continuum.models.weights import LoraRecipe, read_adapters, weight_geometry

recipe = LoraRecipe(steps=16, batch_size=8)
smollm2 = load_language_model("smollm2")
model, tokenizer = smollm2.model, smollm2.tokenizer


def short(texts, n):
    return [text for text in texts if len(text.split()) <= 14][:n]


ends = dict(zip(("pos", "neg"), attribute_texts("sentiment", held_out=128), strict=True))
with TemporaryDirectory() as folder:
    for name, texts in ends.items():
        fine_tune_lora(model, tokenizer, short(texts.train, recipe.texts), Path(folder, name), recipe=recipe)
    path = WeightPath.from_adapters(model, *(Path(folder, name) for name in ends), attribute="alpha", bounds=(-1, 2))

# %%
# The score needs no generated text: by how much more does a model like held-out favourable sentences than unfavourable
# ones, in nats per token? One model is lent and moved along, which takes a tenth of a millisecond a time.

plus, minus = (short(texts.held_out, 20) for texts in ends.values())
alphas = np.array([-1, 0, 0.5, 1, 2])
scores = []
with path.lease(0) as lent:
    for alpha in alphas:
        path.switch(alpha)
        liked = [sentence_scores(lent, tokenizer, side, frame=recipe.frame) for side in (plus, minus)]
        scores.append(liked)

ratio = np.array([more.mean() - less.mean() for more, less in scores])
# Sentences differ more than models do: the error of a *difference* between two points of the path is what counts.
error = [np.hypot(*((side - start).std() / len(side) ** 0.5 for side, start in zip(here, scores[1], strict=True)))
         for here in scores]  # fmt: skip
print("alpha", alphas, "log-likelihood ratio", ratio.round(3), "paired error against alpha = 0", np.round(error, 3))

# %%
# One batch can hold a point of the path for each row: here one prompt at five points, in a single call. It works for
# generation, with beams and several sequences for a prompt, too.

prompts = tokenizer(["All in all, the film was"] * 5, return_tensors="pt")
good, bad = (tokenizer(word)["input_ids"][0] for word in (" wonderful", " terrible"))
with path.lease_rows(alphas) as lent, torch.no_grad():
    following = lent(**prompts).logits[:, -1]
for alpha, odds in zip(alphas, following[:, good] - following[:, bad], strict=True):
    print(f"alpha {alpha:+.1f}: log-odds of 'wonderful' against 'terrible' {odds:+.2f}")

# %%
# Coefficients are differentiable, so that a point can be found by its gradient: where is a sentence most likely?

alpha = torch.tensor(0.5, requires_grad=True)
liked = tokenizer("A warm, funny and moving film.", return_tensors="pt")["input_ids"]
with path.lease(alpha) as lent:
    lent(input_ids=liked, labels=liked).loss.backward()
print(f"d loss / d alpha at 0.5: {alpha.grad:+.3f}")

# %%
# The two changes are not opposite: most of what both learnt is the form of a review, so half way is not the base model.

geometry = weight_geometry(read_adapters(path.model, path.adapters))
print(f"cosine of the two changes: {geometry.cosine([1, 0], [0, 1]):+.2f}")

# %%
# Between the anchors the score moves steadily, and it goes on beyond them. How straight, how far, and what it does to
# neutral text is measured with more sentences, more training and controls in :doc:`/experiment_weights`.

from matplotlib import pyplot as plt

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.axvspan(0, 1, color="0.93", label="between the adapters")
axes.errorbar(alphas, ratio - ratio[1], error, marker="o", capsize=3)
axes.set(xlabel="alpha", ylabel="log-likelihood ratio\nless that at alpha = 0, nats per token")
axes.legend(loc="lower right", frameon=False)
