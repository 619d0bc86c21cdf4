"""The command on anybody's interleaved logs: its answer, counts that add up, and sentences for bad input."""

import json

import pyarrow.parquet as pq
import pytest

from components import contracts
from components.experiment.analyse import main
from components.experiment.assignment import user_hash
from components.experiment.interleaving_coins import Search, draw_coins, interleaving_salt
from tests.components.experiment.interleaved_rows import PAGE, page, shop, turned, write_tables
from tests.components.experiment.log_rows import LATER, USERS, exposure


def answer(tmp_path, exposures, outcomes, *options):
    arguments = [*write_tables(tmp_path, exposures, outcomes), "--interleaved", f"--out={tmp_path / 'out'}", *options]
    assert main(arguments) == 0
    return json.loads((tmp_path / "out" / "analysis.json").read_text())


def test_a_preference_is_told_with_all_counts(tmp_path, capsys):
    exposures, outcomes = shop(chances={"A": 0.2, "B": 0.4})
    others = [exposure(f"a{n}", user, LATER) for n, user in enumerate(USERS)]
    document = answer(tmp_path, [*exposures, *others], outcomes, "--users=400")
    assert document["verdict"] == "candidate's items are preferred"
    assert document["exposures"] == document["used"] + sum(document["set_aside"].values()) == 2040
    assert document["set_aside"] == {"no team": 40}
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[-9:]] == [
        "vote", "share", "sum", "orders", "revenue", "betting", "weighed clicks", "coin", "figures"
    ]  # fmt: skip
    assert "note: 40 exposures name no team: log `none` for items of neither ranker" in "\n".join(lines)


def test_given_propensities_weigh_the_clicks(tmp_path, capsys):
    exposures, outcomes = shop(300, chances={"A": 0.2, "B": 0.5})
    ranked = [row | rank_by_team(row) for row in exposures]
    opinion = answer(tmp_path, ranked, outcomes, "--propensities=1,1,1,1,1")["second_opinion"]
    assert opinion["interval"]["low"] > 0 and opinion["propensities"] == [1, 1, 1, 1, 1]
    assert opinion["compared"] == "agrees" and not opinion["are_estimated"]
    assert "agrees, never decides; places are looked at as 1.00, 1.00" in capsys.readouterr().out


def rank_by_team(row):
    """Return ranks by which a team's item is on its own ranker's page alone."""
    ranks = {"A": (1, 9), "B": (9, 1), "none": (2, 2)}[row["team"]]
    return dict(zip(("stable_rank", "candidate_rank"), ranks, strict=True))


def test_a_crooked_coin_voids_a_preference(tmp_path):
    document = answer(tmp_path, *shop(chances={"A": 0.2, "B": 0.4}, coin=0.7))
    assert document["verdict"] == "void" and "the coin is in doubt" in document["reason"]


def draw_by_salt(salt, users=120):
    """Return pages whose pairs are turned by the coins of a salt."""
    exposures = []
    for number in range(users):
        user = user_hash("secret", f"u{number}")
        search = Search(user, "red shoe", "us", "", "2026-01-05")
        first, second = draw_coins(interleaving_salt(salt), search, 2)
        teams = PAGE[:3] if first else (*turned(PAGE[:2]), PAGE[2])
        teams += turned(PAGE[3:]) if second else PAGE[3:]
        exposures += page(f"r{number}", user, teams, draft_day="2026-01-05")
    return exposures


def test_coins_are_computed_again(tmp_path):
    exposures = draw_by_salt("e1")
    coin = answer(tmp_path, exposures, [], "--salt=e1")["coin"]
    assert (coin["checked_drafts"], coin["wrong_drafts"], coin["problem"]) == (120, 0, "")
    wrong = answer(tmp_path, exposures, [], "--salt=e2")
    assert wrong["verdict"] == "void" and 30 < wrong["coin"]["wrong_drafts"] < 90
    assert "of 120 drafts have another coin than their salt gives" in wrong["reason"]


def test_the_worse_ranker_is_named(tmp_path):
    document = answer(tmp_path, *shop(chances={"A": 0.4, "B": 0.2}), "--credit=share", "--users=400")
    assert document["verdict"] == "stable's items are preferred" and document["credit"] == "share"


def test_identical_pages_hardly_differ(tmp_path):
    pages = [page(f"r{n}", user_hash("secret", f"u{n}"), (("none", -1),) * 5) for n in range(150)]
    document = answer(tmp_path, [row for rows in pages for row in rows], [])
    assert document["verdict"] == "pages hardly differ" and document["pages"] == {"all": 150, "with_pair": 0}


def rewrite(tmp_path, change):
    path = tmp_path / "exposures" / "one.parquet"
    pq.write_table(change(pq.read_table(path)), path)


def test_teams_of_other_names_are_mapped(tmp_path, capsys):
    arguments = [*write_tables(tmp_path, *shop(120)), "--interleaved"]
    names = {"A": "old", "B": "new", "none": "both"}

    def rename(table):
        teams = [names[team] for team in table["team"].to_pylist()]
        return table.drop_columns(["team", "page_kind"]).append_column("side", [teams])

    rewrite(tmp_path, rename)
    assert main(arguments) == 1 and "exposures have no column 'team'" in capsys.readouterr().err
    assert main([*arguments, "--columns=exposures.team=side"]) == 1
    assert "team holds both, new, old; say which is stable's (A)" in capsys.readouterr().err
    mapping = "exposures.team=side,exposures.A=old,exposures.B=new,exposures.none=both"
    assert main([*arguments, f"--columns={mapping}"]) == 0 and '"used": 600' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: [row | {"team": None} for row in rows], "team is empty: name the column that holds the team by"),
        (lambda rows: [row | {"position": None} for row in rows], "set aside (no position 50): check the logs"),
        (lambda rows: [row | {"experiment_id": None} for row in rows], ""),
        (lambda rows: [row | {"page_kind": "fallback"} for row in rows], "set aside (fallback page 50): check"),
    ],
)
def test_unusable_logs_are_refused_in_a_sentence(tmp_path, capsys, change, sentence):
    exposures, outcomes = shop(10)
    code = main([*write_tables(tmp_path, change(exposures), outcomes), "--interleaved"])
    assert (code, sentence in capsys.readouterr().err) == (1 if sentence else 0, True)


def test_a_salt_without_pairs_checks_nothing(tmp_path, capsys):
    arguments = write_tables(tmp_path, *shop(10))
    rewrite(tmp_path, lambda table: table.drop_columns(["pair"]))
    assert main([*arguments, "--interleaved", "--salt=e1"]) == 0
    assert "note: --salt checks nothing here: no draft has `pair`" in capsys.readouterr().out


def test_positions_from_zero_are_named(tmp_path, capsys):
    exposures, outcomes = shop(10)
    exposures = [row | {"position": row["position"] - 1} for row in exposures]
    assert main([*write_tables(tmp_path, exposures, outcomes), "--interleaved"]) == 0
    assert "note: 10 exposures have no position: it counts from 1" in capsys.readouterr().out


def test_an_ab_test_of_interleaved_pages_is_refused(tmp_path, capsys):
    assert main(write_tables(tmp_path, *shop(10))) == 1
    assert "all 50 exposures are of interleaved pages: add --interleaved" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--share=0.1", "--share is for an A/B test: leave it out"),
        ("--credit=revenue", "invalid choice: 'revenue'"),
        ("--users=0", "--users is 0: give the users that the comparison is planned for"),
        ("--window-days=nan", "--window-days is nan: give days above 0"),
        ("--refund-days=1e9", "--refund-days is 1e+09: give days above 0"),
        ("--propensities=1,2", "'1,2': give a number above 0, at most 1, for each place, as 1,0.63,0.5"),
        ("--salt=", "--salt is empty: give the experiment's salt, or leave it out"),
        (f"--out={__file__}", "test_analyse_interleaved.py: give a folder"),
    ],
)
def test_wrong_options_are_named(capsys, option, sentence):
    with pytest.raises(SystemExit):
        main(["--interleaved", "--exposures=e", "--outcomes=o", option])
    assert sentence in capsys.readouterr().err


def test_options_of_interleaving_need_it(capsys):
    with pytest.raises(SystemExit):
        main(["--exposures=e", "--outcomes=o", "--credit=vote"])
    assert "--credit is for interleaved pages: add --interleaved" in capsys.readouterr().err


def test_help_teaches_what_to_log(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert "team is A for an item that stable placed" in text and "pages hardly differ" in text


def test_an_ab_look_sets_interleaved_rows_aside(tmp_path, capsys):
    rows = [exposure(f"a{n}", user, LATER) for n, user in enumerate(USERS)]
    rows += page("r1", USERS[0], assigned_arm="control") + page("r2", USERS[1], page_kind="fallback", team=None)
    assert main(write_tables(tmp_path, rows, [])) == 0
    assert '"interleaved page": 10' in capsys.readouterr().out


def test_logs_without_draft_columns_are_read(tmp_path, capsys):
    arguments = write_tables(tmp_path, [exposure(f"a{n}", user, LATER) for n, user in enumerate(USERS)], [])
    rewrite(tmp_path, lambda table: table.drop_columns(list(contracts.NO_DRAFT)))
    assert main(arguments) == 0 and '"used": 40' in capsys.readouterr().out
