"""Direct preference optimisation on conflict samples: the margin between chosen and rejected grows."""

import pytest

from components import contracts
from components.teacher.dpo import DpoConfig, dpo
from components.teacher.pairs import mine

pytestmark = pytest.mark.slow  # trains
CONFIG = DpoConfig(rank=2, epochs=2, learning_rate=1e-2, batch_size=2, max_length=256)


@pytest.fixture(scope="module")
def pairs(llm, judged, reasoned, tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.parquet"
    said = mine(reasoned, judged, llm, path)
    assert (said["rows_in"], said["rows_out"], said["set_aside"]) == (8, 6, 2)
    return path


def test_the_teacher_comes_to_prefer_what_was_right(pairs, llm, tmp_path):
    said = dpo(pairs, llm, CONFIG, tmp_path / "model")
    margins = [entry["rewards/margins"] for entry in said["curve"]]
    assert margins[-1] > margins[0]
    assert (said["rows_in"], said["rows_out"], said["set_aside"], said["steps"]) == (6, 6, 0, 6)
    assert (tmp_path / "model" / "model.safetensors").exists()


def test_a_cap_on_rows_sets_the_others_aside_and_counts_them(pairs, llm, tmp_path):
    said = dpo(pairs, llm, DpoConfig(rank=2, rows=2, max_steps=1, batch_size=2), tmp_path / "model")
    assert (said["rows_out"], said["set_aside"]) == (2, 4)


def test_no_pair_is_an_error_that_says_what_to_do(llm, tmp_path):
    contracts.write([], contracts.PREFERENCE_PAIRS, tmp_path / "none")
    with pytest.raises(ValueError, match="there are no preference pairs: .* sample more of them"):
        dpo(tmp_path / "none", llm, CONFIG, tmp_path / "model")
