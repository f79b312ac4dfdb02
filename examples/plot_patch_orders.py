"""
In which order should a small model grow?
=========================================

Seven layers of a language model are taken out, and may be put back one by one. In which order? All 128 subsets are
tried, so that greedy orders can be held against the best there is. (Needs ``continuum fetch smollm2 brown`` and the
extra ``lm``; under a minute.)
"""

# %%
# The student is not trained here, so that growing it is pruning backwards. All members share the teacher's embedding
# and head, and each is named by the slots that are patched: those in which the teacher's two layers are back.

import numpy as np
import torch

from continuum.models import PatchPath, genre_texts, initialize_student, load_language_model
from continuum.models.size import (
    BackwardGreedy,
    Calibration,
    FirstToLast,
    KLPatch,
    LastToFirst,
    Lattice,
    Random,
    Surrogate,
)

DROPPED = (5, 7, 12, 14, 16, 19, 26)
smollm2 = load_language_model("smollm2")
teacher, tokenizer = smollm2.model, smollm2.tokenizer
student = initialize_student(teacher, keep=[layer for layer in range(30) if layer not in DROPPED])
path = PatchPath(student, teacher, head="teacher")
members = path.members
print(f"{len(members.student)} layers, and these slots to patch: {members.layout.size_slots}")

# %%
# A member is judged by the divergence of what it says from what the teacher says, on a few texts. Members that begin
# alike share hidden states, so that the lattice of all 128 takes few layers for each, instead of twenty-six.

texts = Calibration(genre_texts("news", words=80).train[:8], tokenizer, length=64, chunks=3, positions=96)
half_precision = torch.autocast("cpu", torch.bfloat16)
with half_precision:
    lattice = Lattice.measure(members, texts)
best = lattice.shortest_path()
print(f"{len(lattice.kl)} members, {lattice.work.layers} layers: {lattice.work.layers / len(lattice.kl):.1f} for each")

# %%
# An order is a path through the lattice, from no patch to all; the shortest one has the least total divergence. Greedy
# searches evaluate 29 members instead. The sum over single patches, which ignores how they interact, evaluates 8.

with half_precision:
    orders = {
        "shortest path": best.order,
        "KLPatch": KLPatch(texts).search(members).order,
        "backward greedy": BackwardGreedy(texts).search(members).order,
        "additive": Surrogate(texts).slots(members),
        "last to first": LastToFirst().slots(members),
        "first to last": FirstToLast().slots(members),
        "random": Random(1).slots(members),
    }
along = {name: np.array(lattice.along(order)) for name, order in orders.items()}
for name, kl in sorted(along.items(), key=lambda item: item[1].sum()):
    excess = kl.sum() / along["shortest path"].sum() - 1
    print(f"{name:15} {' '.join(f'{value:.2f}' for value in kl)}   {excess:+.0%}  {orders[name]}")

# %%
# The best member of each size need not contain the best of the size before. How much does it cost that they do?

free = [value for _, value in lattice.best().values()]
print(f"nested {sum(best.kl):.3f}, free {sum(free):.3f}")

# %%
# Every member is a point, the orders are paths through them. With a distilled student, and on held-out text:
# :doc:`/experiment_size`.

from matplotlib import pyplot as plt

sizes = np.array([bin(number).count("1") for number in range(len(lattice.kl))]) + len(members.student)
layers = np.arange(len(best.kl)) + len(members.student)
figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
axes.plot(sizes, lattice.kl, ".", color="0.8", ms=4, label="all members")
styles = {"shortest path": "k-", "KLPatch": "C0o--", "last to first": "C1--", "first to last": "C3--", "random": "C2:"}
for name, style in styles.items():
    axes.plot(layers, along[name], style, ms=4, lw=1.2, label=name)
axes.set(xlabel="layers", ylabel="KL from the teacher,\nnats per token")
axes.legend(frameon=False, fontsize=8)
