"""
Two sliders at once: how large, and how kind
============================================

A language model between two adapters, one trained on favourable reviews and one on unfavourable ones, and then with
ever fewer of its layers. Changes belong to the layers of the whole model, so a layer that stays keeps its part of
them. Does the slider of sentiment still work when the model shrinks? (Needs ``continuum fetch smollm2
sentiment-text`` and the extra ``lm``; under a minute.)
"""

# %%
# The weight axis: two short trainings of adapters.

from pathlib import Path
from tempfile import TemporaryDirectory

from continuum import evaluate, nest
from continuum.models import (
    WeightPath,
    attribute_texts,
    fine_tune_lora,
    likelihood_ratio,
    load_language_model,
    perplexity_on,
)
from continuum.models.size import OneShot, PrunedPath
from continuum.models.weights import LoraRecipe

smollm2 = load_language_model("smollm2")
model, tokenizer = smollm2.model, smollm2.tokenizer
recipe = LoraRecipe(steps=10, batch_size=8)
texts = dict(zip(("favourable", "unfavourable"), attribute_texts("sentiment"), strict=True))


def short(sentences, count):
    return [sentence for sentence in sentences if len(sentence) < 70][:count]


folder = TemporaryDirectory()
for name, both in texts.items():
    fine_tune_lora(model, tokenizer, short(both.train, recipe.texts), Path(folder.name, name), recipe=recipe)
sentiment = WeightPath.from_adapters(model, *(Path(folder.name, name) for name in texts), attribute="alpha")

# %%
# The size axis acts on each of its values: the layers without which this model says most nearly the same go first. A
# nested path has the coordinates of both, and is evaluated like any other.

pruning = OneShot((17, 14, 16, 18))
sizes = PrunedPath(model, pruning).domain
grid = nest(sentiment, lambda merged: PrunedPath(merged, pruning), sizes)
print(grid.domain)

# %%
# A score that needs no generated text, and the perplexity of sentences of both kinds.

plus, minus = (short(both.held_out, 16) for both in texts.values())
metrics = [
    likelihood_ratio(plus, minus, tokenizer, frame=recipe.frame, name="score"),
    perplexity_on([*plus, *minus], tokenizer, frame=recipe.frame),
]
points = [(alpha, size) for alpha in (0.0, 0.5, 1.0) for size in sizes.values[::2]]
results = evaluate(grid, metrics, points=points, name="sentiment and size", progress=False)
alpha, size = results.axes
tables = {
    metric: results.select(metric=metric, role="path").frame.pivot_table(index=alpha, columns=size, values="value")
    for metric in results.metrics
}
for metric, table in tables.items():
    print(metric, table.round(3).to_string(), sep="\n")

# %%
# Compare the lines: where they are parallel, sentiment and size are two independent sliders.

from matplotlib import pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for axis, (metric, table) in zip(axes, tables.items(), strict=True):
    for t in table.columns:
        layers = len(model.model.layers) - (len(sizes.values) - 1 - sizes.values.index(t))
        axis.plot(table.index, table[t], ".-", label=f"{layers} layers")
    axis.set(xlabel="alpha, from unfavourable to favourable", ylabel=metric)
axes[0].legend(frameon=False)
folder.cleanup()
