"""Direct preference optimisation on conflict samples: the margin between chosen and rejected grows."""

import pytest

from components import contracts
from components.teacher.config import DpoConfig
from components.teacher.dpo import chosen_pairs, complaint, dpo
from components.teacher.pairs import mine

CONFIG = DpoConfig(rank=2, epochs=2, learning_rate=1e-2, batch_size=2, max_length=256)


@pytest.fixture(scope="module")
def pairs(llm, judged, reasoned, tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.parquet"
    said = mine(reasoned, judged, llm, path)
    assert (said["rows_in"], said["rows_out"], said["set_aside"]) == (8, 6, 2)
    return path


@pytest.mark.slow
def test_the_teacher_comes_to_prefer_what_was_right(s3, pairs, llm, tmp_path):
    said = dpo(pairs, llm, CONFIG, tmp_path / "model")
    margins = [entry["rewards/margins"] for entry in said["curve"]]
    assert margins[-1] > margins[0]
    assert (said["rows_in"], said["rows_out"], said["set_aside"], said["steps"]) == (6, 6, 0, 6)
    assert (tmp_path / "model" / "model.safetensors").exists()


@pytest.mark.slow
def test_a_cap_on_rows_sets_the_others_aside_and_counts_them(s3, pairs, llm, tmp_path):
    said = dpo(pairs, llm, DpoConfig(rank=2, rows=2, max_steps=1, batch_size=2), tmp_path / "model")
    assert (said["rows_out"], said["set_aside"]) == (2, 4)


@pytest.mark.slow
def test_no_pair_is_an_error_that_says_what_to_do(llm, tmp_path):
    contracts.write([], contracts.PREFERENCE_PAIRS, tmp_path / "none")
    with pytest.raises(ValueError, match="there are no preference pairs: .* sample more of them"):
        dpo(tmp_path / "none", llm, CONFIG, tmp_path / "model")


@pytest.mark.slow
def test_pairs_that_do_not_fit_are_an_error_that_names_the_setting(pairs, llm, tmp_path):
    with pytest.raises(ValueError, match="none of 6 pairs fits in dpo_config's max_length 32: raise it"):
        dpo(pairs, llm, DpoConfig(max_length=32), tmp_path / "model")


def conflict(query, label, perspective="attributes"):
    return {"query_id": query, "label": label, "chosen_perspective": perspective}


def test_whole_queries_are_held_out_and_the_rest_comes_in_turn_by_label_and_perspective():
    pairs = [conflict(f"q{n % 20}", "Exact" if n % 5 else "Irrelevant") for n in range(200)]
    rows, held = chosen_pairs(pairs, DpoConfig(held_out=0.3))
    assert len(rows) + len(held) == 200 and held
    assert not {row["query_id"] for row in rows} & {row["query_id"] for row in held}
    assert [row["label"] for row in rows[:4]] == ["Exact", "Irrelevant", "Exact", "Irrelevant"]


def test_where_all_pairs_are_of_one_query_nothing_is_held_out():
    rows, held = chosen_pairs([conflict("q1", "Exact")] * 3, DpoConfig(held_out=1.0))
    assert (len(rows), len(held)) == (3, 0)


def test_a_long_training_that_does_not_raise_the_held_out_margin_is_said_or_fails():
    flat, risen = {"margin": 0.0}, {"margin": 0.1}
    assert complaint(flat, risen, 60, DpoConfig()) == complaint(flat, flat, 49, DpoConfig()) == ""
    said = complaint(flat, flat, 60, DpoConfig(strict=False))
    assert said == "DPO did not raise the held-out margin in 60 steps: +0.0000 to +0.0000"
    with pytest.raises(ValueError, match="raise dpo_config's learning_rate"):
        complaint(flat, flat, 60, DpoConfig())
