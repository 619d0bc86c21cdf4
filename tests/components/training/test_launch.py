"""A training on several processes: the same updates, one result, failures passed on."""

import pytest

from components import contracts
from components.pretrained import model_digest
from components.teacher.config import DpoConfig, SftConfig
from components.teacher.dpo import dpo
from components.teacher.pairs import mine
from components.teacher.sft import sft
from components.training.launch import on_every_gpu
from testing.ranked_functions import die_on_the_second, fail_on_the_second, rank

pytestmark = pytest.mark.slow  # starts processes that train
SFT = SftConfig(rank=2, epochs=2, learning_rate=1e-2, batch_size=4, max_length=256, save_steps=2)


@pytest.fixture
def two_gpus(monkeypatch):
    """Claim two GPUs: trainings start two processes, which find none and train on CPUs."""

    def claim():
        monkeypatch.setattr("torch.cuda.device_count", lambda: 2)

    return claim


def test_the_first_process_returns_the_result():
    assert on_every_gpu(rank, "", processes=2) == {"RANK": "0", "WORLD_SIZE": "2"}


def test_a_failing_process_stops_the_step():
    with pytest.raises(RuntimeError, match="process 1 of 2 failed: ValueError: the loss is nan"):
        on_every_gpu(fail_on_the_second, "the loss is nan", processes=2)


def test_a_killed_process_stops_the_step():
    with pytest.raises(RuntimeError, match="process 1 of 2 failed: Signal 9"):
        on_every_gpu(die_on_the_second, "", processes=2)


def test_two_processes_make_the_same_updates_as_one(s3, llm, judgements_path, rationales_path, tmp_path, two_gpus):
    alone = sft(rationales_path, judgements_path, llm, SFT, tmp_path / "alone").to_dict()
    two_gpus()
    together = sft(rationales_path, judgements_path, llm, SFT, tmp_path / "together").to_dict()
    assert together["steps"] == alone["steps"] and together["rows_out"] == alone["rows_out"]
    assert together["curve"][-1]["loss"] == pytest.approx(alone["curve"][-1]["loss"], rel=0.05)
    assert together["model_digest"] == model_digest(tmp_path / "together")


def test_two_processes_measure_the_held_out_margin(s3, two_gpus, llm, judgements_path, rationales_path, tmp_path):
    two_gpus()
    mine(rationales_path, judgements_path, llm, tmp_path / "pairs")
    rows = contracts.read(contracts.PREFERENCE_PAIRS, tmp_path / "pairs")
    rows = [row | {"query_id": f"q{n}"} for n, row in enumerate(rows)]
    contracts.write(rows, contracts.PREFERENCE_PAIRS, tmp_path / "of-many-queries")
    config = DpoConfig(rank=2, epochs=2, learning_rate=1e-2, batch_size=2, max_length=256, held_out=0.5)
    result = dpo(tmp_path / "of-many-queries", llm, config, tmp_path / "model")
    margins = result.details["held_out"]
    assert result.rows_out + result.details["set_aside_why"]["held out"] == len(rows)
    assert margins["before"]["margin"] == pytest.approx(0, abs=1e-4) != margins["after"]["margin"]
