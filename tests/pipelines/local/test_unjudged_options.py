"""What a person types about unjudged pairs is checked before a run starts."""

import pytest

from pipelines.local.unjudged_options import DEFAULT_PAIRS, add_unjudged
from pipelines.profile import Profile
from pipelines.profiles import PROFILES
from testing.servers import environment


@pytest.fixture
def quick() -> Profile:
    return PROFILES["quick"]()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "shown.csv"
    path.write_text("q,title\nboot,Trail boot\n")
    return path


@pytest.mark.parametrize("name", PROFILES)
def test_no_profile_reads_unjudged_pairs_by_itself(name):
    profile = PROFILES[name]()
    assert (profile.unjudged_pairs, profile.teacher_labels.teacher) == (0, "off")
    assert add_unjudged(profile, None, "", "") == profile


def test_a_file_switches_them_on(quick, file):
    size = add_unjudged(quick, file, "query=q,label=grade", "local")
    assert (size.unjudged_pairs, size.teacher_labels.teacher) == (DEFAULT_PAIRS, "local")
    assert (size.labelling.prompt, size.labelling.max_samples, size.labelling_engine.temperature) == ("tag", 1, 0)


def test_a_chat_model_gets_instructions(quick, file):
    with environment(BROADFAST_LLM_ENDPOINT="http://host:8000/v1"):
        size = add_unjudged(quick, file, "query=q", "endpoint")
    assert (size.labelling.prompt, size.labelling_engine.engine) == ("few_shot", "chat")
    assert size.final == quick.final and size.engine == quick.engine  # rationales stay the local teacher's


@pytest.mark.parametrize(
    ("name", "columns", "teacher", "sentence"),
    [
        ("none.csv", "", "", "none.csv does not exist"),
        ("s3://b/shown.csv", "", "", "--unjudged is on S3"),
        ("shown.csv", "", "", "has no column 'query' for query"),
        ("shown.csv", "query=q", "me", "--teacher-labels is 'me': it is one of off, local, endpoint"),
        ("shown.csv", "query=q", "endpoint", "set BROADFAST_LLM_ENDPOINT"),
    ],
)
def test_what_is_wrong_is_said_beforehand(quick, file, name, columns, teacher, sentence):
    path = type(file)(name) if name.startswith("s3:") else file.parent / name
    with environment(BROADFAST_LLM_ENDPOINT=""), pytest.raises(ValueError, match=sentence):
        add_unjudged(quick, path, columns, teacher)
