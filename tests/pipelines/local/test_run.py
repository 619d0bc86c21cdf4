"""The command that a person types: what is wrong is one sentence, and two runs never share a folder."""

import signal

import pytest
from typer.testing import CliRunner

from pipelines.local.run import app, check_disk, locked, logs_folder


@pytest.fixture(autouse=True)
def own_signals():
    """The command answers SIGTERM its own way; afterwards the tests' way is back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def stopped(*arguments) -> str:
    """What the command says when it stops with one sentence."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 1 and done.output.startswith("stopped: ") and done.output.count("\n") == 1
    return done.output


@pytest.mark.parametrize("profile", ["huge", "paper"])
def test_a_profile_that_is_not_for_a_laptop_is_refused_with_those_that_are(tmp_path, profile):
    assert f"--profile is '{profile}'; here it is smoke or laptop" in stopped("--profile", profile, "--home", tmp_path)


def test_judgements_that_do_not_exist_are_refused_before_anything_starts(tmp_path):
    said = stopped("--judgements", tmp_path / "none.csv", "--home", tmp_path / "home")
    assert f"--judgements {tmp_path / 'none.csv'} does not exist" in said and not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("written", "sentence"),
    [("q,title,label\n", "has no column 'query' for query; it has q, title, label"), ("", "pairs.csv is empty")],
)
def test_a_file_without_the_columns_is_refused_before_anything_starts(tmp_path, written, sentence):
    (tmp_path / "pairs.csv").write_text(written)
    said = stopped("--judgements", tmp_path / "pairs.csv", "--home", tmp_path / "home")
    assert sentence in said and not (tmp_path / "home").exists()


def test_a_second_run_in_the_same_folder_is_refused_while_the_first_goes_on(tmp_path):
    with locked(tmp_path):
        said = stopped("--profile", "smoke", "--home", tmp_path)
    assert f"another run is going on in {tmp_path}; wait for it, or use --home OTHER" in said
    with locked(tmp_path):
        pass


def test_a_run_that_would_not_fit_on_the_disk_is_refused_before_anything_starts(tmp_path):
    check_disk(tmp_path, 0.0)
    with pytest.raises(
        RuntimeError, match=r"GB are free on the disk of .*, and a run writes up to 1e\+09 GB; free some"
    ):
        check_disk(tmp_path, 1e9)


def test_the_latest_link_points_to_the_run_that_began_last(tmp_path):
    (tmp_path / "before").mkdir()
    (tmp_path / "latest").symlink_to("before")
    logs = logs_folder(tmp_path)
    assert (tmp_path / "latest").resolve() == logs.parent and logs.name == "logs"


def test_the_help_says_what_is_left_where():
    said = " ".join(CliRunner().invoke(app, ["--help"]).output.split())
    assert "--judgements" in said and "goes on at the first unfinished step" in said
