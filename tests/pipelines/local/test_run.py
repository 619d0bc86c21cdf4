"""The command that a person types: what is wrong is one sentence, and two runs never share a folder."""

import signal

import pytest
from typer.testing import CliRunner

from pipelines.local.run import PROFILE_HELP, app, lock, new_logs_folder
from pipelines.profiles import PROFILES


@pytest.fixture(autouse=True)
def own_signals():
    """Restore the answer to SIGTERM, which the command changes."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def run_until_stopped(*arguments) -> str:
    """Run the command and return the one sentence with which it stops."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 1 and result.output.startswith("stopped: ") and result.output.count("\n") == 1
    return result.output


@pytest.mark.parametrize("profile", ["huge", "paper"])
def test_a_profile_for_clusters_is_refused(tmp_path, profile):
    sentence = run_until_stopped("--profile", profile, "--home", tmp_path)
    assert f"--profile is '{profile}'; here it is one of smoke, quick, laptop, cluster-demo" in sentence


def test_missing_judgements_are_refused_at_once(tmp_path):
    sentence = run_until_stopped("--judgements", tmp_path / "none.csv", "--home", tmp_path / "home")
    assert f"--judgements {tmp_path / 'none.csv'} does not exist" in sentence and not (tmp_path / "home").exists()


def test_judgements_on_s3_are_refused(tmp_path):
    sentence = run_until_stopped("--judgements", "s3://shop/pairs.csv", "--home", tmp_path / "home")
    assert "--judgements is on S3, and a run here reads this machine's files: download it" in sentence


def test_a_home_that_cannot_be_made_is_refused():
    sentence = run_until_stopped("--profile", "smoke", "--home", "/proc/broadfast")
    assert "--home /proc/broadfast cannot be made (No such file or directory); name a folder of yours" in sentence


@pytest.mark.parametrize("option", ["--columns", "--labels"])
def test_options_of_judgements_need_judgements(tmp_path, option):
    sentence = run_until_stopped(option, "query=q", "--home", tmp_path / "home")
    assert sentence == (f"stopped: {option} describes your own judgements: name their file with --judgements FILE\n")
    assert not (tmp_path / "home").exists()


def test_a_wrong_audit_is_refused_at_once(tmp_path):
    audit = tmp_path / "pairs.csv"
    audit.write_text("query,title,label\nshoe,Red shoe,E\n")
    sentence = run_until_stopped("--audit", audit, "--home", tmp_path / "home")
    assert sentence == (
        f"stopped: --audit {audit} has no column ['human_label', 'item_id', 'query_id']; "
        "keep the columns of the audit.csv that a run left\n"
    )
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_as_home_is_refused(tmp_path, below):
    home = tmp_path / "home.txt" / below
    (tmp_path / "home.txt").touch()
    sentence = run_until_stopped("--profile", "smoke", "--home", home)
    assert sentence == f"stopped: --home {home} is a file, or lies below one; name a folder, which may be new\n"


def test_an_empty_home_is_not_the_current_folder():
    result = CliRunner().invoke(app, ["--profile", "smoke", "--home", ""])
    assert result.exit_code == 2 and "name a folder" in result.output


def test_without_a_home_the_default_is_parsed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run_until_stopped("--profile", "none").startswith("stopped: --profile is 'none'")


@pytest.mark.parametrize(
    ("content", "reason"),
    [("q,title,label\n", "has no column 'query' for query; it has q, title, label"), ("", "pairs.csv is empty")],
)
def test_a_file_without_columns_is_refused(tmp_path, content, reason):
    (tmp_path / "pairs.csv").write_text(content)
    sentence = run_until_stopped("--judgements", tmp_path / "pairs.csv", "--home", tmp_path / "home")
    assert reason in sentence and not (tmp_path / "home").exists()


def test_trouble_with_judgements_is_printed_first(tmp_path):
    rows = "".join(f"shoe {number},Red shoe,E\n" for number in range(3)) + 'shoe,"open,E\n'
    (tmp_path / "pairs.csv").write_text("query,title,label\n" + rows)
    result = CliRunner().invoke(app, ["--judgements", str(tmp_path / "pairs.csv"), "--home", str(tmp_path / "home")])
    assert result.exit_code == 1 and not (tmp_path / "home").exists()
    assert "judgements: pairs.csv holds 1 of the 4 labels: nobody gave Substitute" in result.output
    assert "1 of 4 rows are quarantined, as line 5: broken quoting" in result.output
    assert "stopped: pairs.csv has" in result.output and "too few to train and compare models" in result.output


def test_a_label_scale_is_an_option(tmp_path):
    (tmp_path / "pairs.csv").write_text("query,title,label\nshoe,Red shoe,3\n")
    arguments = ["--judgements", tmp_path / "pairs.csv", "--home", tmp_path / "home"]
    assert "'3' (1 rows). Say what they mean, for example --labels 1-3" in run_until_stopped(*arguments)
    assert "--labels: '3' cannot be read" in run_until_stopped(*arguments, "--labels", "3")


def test_two_runs_never_share_a_folder(tmp_path):
    with lock(tmp_path):
        sentence = run_until_stopped("--profile", "smoke", "--home", tmp_path)
    assert f"another run is going on in {tmp_path}; wait for it, or use --home OTHER" in sentence
    with lock(tmp_path):
        pass


def test_latest_points_to_the_newest_run(tmp_path):
    (tmp_path / "before").mkdir()
    (tmp_path / "latest").symlink_to("before")
    logs = new_logs_folder(tmp_path)
    assert (tmp_path / "latest").resolve() == logs.parent and logs.name == "logs"


def test_a_folder_named_latest_is_refused(tmp_path):
    (tmp_path / "latest").mkdir()
    with pytest.raises(ValueError, match="latest is a folder, where a link to the latest run is made: move it"):
        new_logs_folder(tmp_path)


def test_the_help_says_where_results_are():
    text = " ".join(CliRunner().invoke(app, ["--help"]).output.replace("│", " ").split())
    assert "default: columns are named query, title, label." in text
    assert all(name in PROFILE_HELP for name, size in PROFILES.items() if size().runs_locally)
    assert "--judgements" in text and "goes on at the first unfinished step" in text
