"""Tasks of the lm-evaluation-harness: the same choices as by likelihoods, and clear errors."""

import importlib.util
import json

import pytest
from tiny import tiny_llama, tiny_tokenizer

from continuum import Interval, evaluate, from_function
from continuum.core import InvalidInputError, MissingExtraError
from continuum.models import harness_task, log_likelihoods

WORDS = ("film", "movie", "book", "story")
INSTALLED = importlib.util.find_spec("lm_eval") is not None
needs_harness = pytest.mark.skipif(not INSTALLED, reason="lm-eval is not installed")

TASK = """
task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {file}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{start}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{right}}}}"
metric_list:
  - metric: acc
"""


@pytest.mark.skipif(INSTALLED, reason="lm-eval is installed")
def test_without_the_harness_the_extra_is_named():
    with pytest.raises(MissingExtraError, match="continuum-interpolation\\[lm-eval\\]"):
        harness_task("arc_easy", None)


@pytest.fixture
def task(tmp_path):
    """Ten questions with two choices each, in a file."""
    rows = [
        {
            "start": f"the {WORDS[k % 4]} was {WORDS[k // 3]}",
            "choices": [WORDS[k % 3], WORDS[3 - k % 3]],
            "right": k % 2,
        }
        for k in range(10)
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "task.yaml").write_text(TASK.format(name="letters", file=file))
    return tmp_path, rows


@needs_harness
def test_a_task_chooses_as_likelihoods_do(task):
    folder, rows = task
    model, tokenizer = tiny_llama(), tiny_tokenizer()
    right = 0
    for row in rows:
        found = log_likelihoods(model, tokenizer, [f"{row['start']} {choice}" for choice in row["choices"]])
        right += int(found.sums.argmax()) == row["right"]
    accuracy = harness_task("letters", tokenizer, folder=folder)
    assert accuracy(model) == pytest.approx(right / len(rows))
    assert accuracy.name == "letters: acc"
    results = evaluate(from_function(Interval(), lambda t: model), [accuracy], points=2, progress=False)
    assert set(results.frame["value"]) == {right / len(rows)}


@needs_harness
def test_an_unknown_task_or_number_is_named(task):
    folder, _ = task
    model, tokenizer = tiny_llama(), tiny_tokenizer()
    with pytest.raises(InvalidInputError, match=r"has no number 'f1,none'; it has .*acc,none"):
        harness_task("letters", tokenizer, folder=folder, measure="f1,none")(model)
    with pytest.raises(InvalidInputError, match="no task 'words'"):
        harness_task("words", tokenizer, folder=folder)(model)
