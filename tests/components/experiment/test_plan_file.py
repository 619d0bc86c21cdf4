"""Plans as files: what a person gets wrong is named with the field and the remedy."""

import pytest

from components.experiment.plan import ExperimentPlan
from components.experiment.plan_file import read_plan_file

REFUSALS = {
    "1 0 a 1": 'is no JSON object: write one, as {"minimum_users": 1000, "alpha": 0.05}',
    "[1]": 'is no JSON object: write one, as {"minimum_users": 1000, "alpha": 0.05}',
    '{"alpha": "high"}': "has alpha 'high': give a number between 0 and 1",
    '{"alpha": 5}': "has alpha 5: give a number between 0 and 1",
    '{"minimum_user": 100}': "has no field 'minimum_user': did you mean minimum_users?",
    '{"maximum_looks": 2.5}': "has maximum_looks 2.5: give a whole number from 0",
    '{"maximum_looks": Infinity}': "has maximum_looks inf: give a whole number from 0",
    '{"maximum_p99_ratio": true}': "has maximum_p99_ratio True: give a number from 0",
    '{"interleaved_share": 2}': "has interleaved_share 2: give a number from 0 to 1",
    '{"interleaved_alpha": 0}': "has interleaved_alpha 0: give a number between 0 and 1",
    '{"promote_on_preference": 1}': "has promote_on_preference 1: give true or false",
    '{"shares": [0.5, 2]}': "has shares [0.5, 2]: give a list of numbers from 0 to 1",
    '{"currency": "euro"}': "has a currency that is 'euro'; give a currency's code of ISO 4217, as EUR",
}


@pytest.mark.parametrize(("text", "sentence"), REFUSALS.items(), ids=REFUSALS)
def test_a_wrong_plan_is_refused_in_a_sentence(tmp_path, text, sentence):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="--plan") as error:
        read_plan_file(path)
    assert str(error.value) == f"--plan: {path} {sentence}"


def test_a_missing_plan_is_named(tmp_path):
    with pytest.raises(ValueError, match="plan.json cannot be read .No such file or directory.: give a JSON file"):
        read_plan_file(tmp_path / "plan.json")


def test_a_right_plan_is_read(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text('{"minimum_users": 10.0, "shares": [0.5], "currency": "EUR"}')
    assert read_plan_file(path) == ExperimentPlan(minimum_users=10, shares=(0.5,), currency="EUR")
