"""A command that is given a file that is not there names it, and says what to do."""

import pytest

from components.experiment import ubi
from components.judgements import convert, evaluate, few_labels
from components.scoring import index, score

UBI = ("--queries=q.jsonl", "--events=e.jsonl", "--exposures=e.parquet", "--outcomes=o.parquet")
COMMANDS = {
    "ITEMS is items.csv": (index, "package", "items.csv", "out"),
    "ITEMS is items.parquet": (index, "package", "items.parquet", "out"),
    "PAIRS is pairs.csv": (score, "package", "pairs.csv", "out.csv"),
    "--events is e.jsonl": (ubi, "from", *UBI),
    "--exposures is e.parquet": (ubi, "to", *UBI),
    "IN is judgements.csv": (convert, "judgements.csv", "out.csv"),
    "JUDGEMENTS is judgements.csv": (evaluate, "judgements.csv", "run.csv"),
    "HUMAN is human.csv": (few_labels, "human.csv", "teacher.csv", "predictions.csv"),
}


@pytest.mark.parametrize(("start", "command"), COMMANDS.items())
def test_a_missing_file_is_named(start, command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    module, *arguments = command
    assert module.main(arguments) == 1
    assert f"{start}, which does not exist: check the path" in capsys.readouterr().err


def test_a_folder_is_no_catalogue(tmp_path, capsys):
    assert index.main(["package", str(tmp_path), "out"]) == 1
    assert f"ITEMS is {tmp_path}, which is a folder: give the file itself" in capsys.readouterr().err
