"""The benchmark of accuracy: its runs are valid commands, and the documents have its tables."""

import pytest

from benchmarks import accuracy
from colorize.evaluation.cli import parser


@pytest.mark.parametrize("run", accuracy.RUNS, ids=lambda run: run.name)
def test_every_run_is_a_command_of_evaluation(run):
    args = parser().parse_args([run.task, "photographs", *run.options])
    assert args.task == run.task


@pytest.mark.parametrize("name", accuracy.DOCUMENTS)
def test_the_documented_tables_are_the_measured_ones(name):
    text = (accuracy.ROOT / name).read_text(encoding="utf-8")
    assert accuracy.with_tables(text) == text
    assert accuracy.with_tables(text.replace("0.", "1.")) != text.replace("0.", "1.")


def test_every_table_is_in_a_document():
    documents = [(accuracy.ROOT / name).read_text("utf-8") for name in accuracy.DOCUMENTS]
    marked = [name for text in documents for name in accuracy.MARKED.findall(text)]
    assert sorted(marked) == sorted(accuracy.TABLES)


def test_measured_results_are_of_the_runs():
    measured = {file.name for file in accuracy.RESULTS.glob("compact-*.json")}
    assert measured == {accuracy.file_of(run.name).name for run in accuracy.RUNS}
