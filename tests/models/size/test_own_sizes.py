"""Models of single sizes beside a family: a table at the coordinates of its members."""

import torch
from tiny import tiny_llama

from continuum import evaluate, metric, tabulate
from continuum.models import PatchPath, initialize_student


def test_models_of_their_own_size_are_a_baseline_at_the_same_points():
    teacher = tiny_llama(layers=4)
    path = PatchPath(initialize_student(teacher, keep=[0, 2]), teacher)
    depths = dict(zip(path.domain.values, path.table()["depth"], strict=True))
    own = tabulate(
        {t: initialize_student(teacher, keep=[*range(depth - 1), 3]) for t, depth in depths.items()}, axes=("t",)
    )
    ids = torch.arange(12)[None]

    @metric(goal="min")
    @torch.no_grad()
    def distance(model):
        return (model(ids).logits - teacher(ids).logits).square().mean()

    results = evaluate(path, [distance], points=3, baselines={"own size": own}, progress=False)
    table = results.pivot("distance")
    assert set(table.columns) == {"PatchPath", "own size"}
    assert len(table) == len(depths)
    assert table.loc[1.0].tolist() == [0.0, 0.0]  # all layers are the teacher
