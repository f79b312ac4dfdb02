"""
One student, models of all sizes: boomerang distillation
========================================================

A language model of 30 layers is distilled into one of 18, for a quarter of a minute. Then layers of both make models of
every size between, none of which was trained. (Needs ``continuum fetch smollm2 brown`` and the extra ``lm``; under a
minute.)
"""

# %%
# The student is a copy of some of the teacher's layers. Which ones matters: without layer 11, for one, this teacher
# says something else. ``LowestDrop`` measures that; here its answer is given.

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from continuum.models import PatchPath, distill, genre_texts, initialize_student, load_language_model
from continuum.models.packing import Packed
from continuum.models.size import Calibration, DistillRecipe, HiddenCosine, divergence

KEPT = (0, 1, 2, 4, 6, 8, 10, 11, 13, 15, 17, 19, 21, 23, 24, 26, 28, 29)
smollm2 = load_language_model("smollm2")
teacher, tokenizer = smollm2.model, smollm2.tokenizer
pruned = initialize_student(teacher, keep=KEPT)

# %%
# Each layer of the student learns to end where the teacher's two layers end: the cosine of hidden states is all that is
# minimized here, which needs no head and is the cheapest loss. A good student takes the default recipe.

passages = genre_texts("lore", words=60)
recipe = DistillRecipe(losses=(HiddenCosine(10.0),), rows=Packed(64), steps=12, batch_size=4)
with TemporaryDirectory() as folder:
    found = distill(pruned, teacher, passages.train, tokenizer, folder=Path(folder, "student"), recipe=recipe)
    path = PatchPath(found.load(), teacher, order="last_to_first", head="teacher")
print(f"{found.tokens} tokens in {found.seconds:.0f} s: loss {found.losses[0]:.2f}, then {found.losses[-1]:.2f}")

# %%
# The family: from the head downwards, one more block of the teacher takes the place of one layer of the student.
# Members are views over the weights of the two models, so that all of them together take no more memory.

print(path.table()[["t", "depth", "inference"]].iloc[::3].to_string(index=False))

# %%
# How far is each from the teacher, on passages that nothing was trained on? Beside it the same layers untrained: what
# the paper calls naive pruning.

held_out = Calibration(passages.held_out, tokenizer, chunks=2, positions=192)
ts = path.domain.values[::3]
naive = PatchPath(pruned, teacher, order="last_to_first", head="teacher")
kl = np.array([[divergence(f.members, f.patched_at(t), held_out).mean for t in ts] for f in (path, naive)])
layers = [path.layout.depth(path.patched_at(t)) for t in ts]
for depth, ours, theirs in zip(layers, *kl, strict=True):
    print(f"{depth} layers: {ours:.2f} nats per token from the teacher, {theirs:.2f} untrained")

# %%
# A budget picks a member, and a member is a model like any other: it can be lent, or exported as a plain checkpoint.

t = path.at_budget(layers=24)
with path.lease(t) as model:
    prompt = tokenizer("The old house by the river", return_tensors="pt")
    said = model.generate(**prompt, max_new_tokens=12, do_sample=False, pad_token_id=tokenizer.eos_token_id)
print(model.config.num_hidden_layers, "layers:", tokenizer.decode(said[0]))

# %%
# With more training, strong pruning, orders and controls beside it: :doc:`/experiment_size`.

from matplotlib import pyplot as plt

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(layers, kl[1], "s--", color="0.6", label="the same layers, untrained")
axes.plot(layers, kl[0], "o-", label="a quarter of a minute of distillation")
axes.set(xlabel="layers", ylabel="KL from the teacher,\nnats per token")
axes.legend(frameon=False)
