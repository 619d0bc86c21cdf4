"""How many users an interleaved comparison needs, from logged pages: against sums by hand, and its warnings."""

import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.experiment.logged_drafts import draft_logged_pages
from components.experiment.logged_pages import LoggedPages
from components.experiment.power import Sequence
from components.experiment.preference_power import PowerPlan, draw_votes, find_tilt, main, plan_users
from tests.components.experiment.interleaved_rows import START, write_tables
from tests.components.experiment.log_rows import USERS, exposure, outcome

PLAN = PowerPlan(0.05, 0.8, Sequence(20, 0.05))
PAIR = np.array([[[-1, 1], [1, -1]]])  # one query whose page is one pair
USER = np.ones(100)
ONE_PAGE = LoggedPages(PAIR, np.ones(1), 1, 1.0, 0.0, 1.0, np.array([0.4, 0.2]), USER, USER, USER)


def expected_vote(tilt):
    """Return the mean and the second moment of a vote on one pair, each place clicked by itself."""
    chances = []
    for high, low in ((-1, 1), (1, -1)):
        high_chance = 0.4 * (1 + tilt * high)
        low_chance = 0.2 * (1 + tilt * low)
        alone_high = high_chance * (1 - low_chance)
        alone_low = low_chance * (1 - high_chance)
        chances.append((high * alone_high + low * alone_low, alone_high + alone_low))
    return np.mean(chances, axis=0)


def test_votes_are_those_of_the_tilted_clicks():
    votes = draw_votes(ONE_PAGE, 0.3)
    mean, square = expected_vote(find_tilt(ONE_PAGE, 0.3))
    assert votes.mean == pytest.approx(mean, abs=0.01)
    assert votes.variance == pytest.approx(square - mean**2, abs=0.01)


def test_credit_of_a_page_is_its_lift():
    tilt = find_tilt(ONE_PAGE, 0.3)
    credit = np.mean([0.4 * tilt + 0.2 * tilt, 0.4 * tilt + 0.2 * tilt])
    assert credit == pytest.approx(0.3 * (0.4 + 0.2))


def test_users_grow_with_the_square_of_a_lift():
    users = plan_users(ONE_PAGE, PLAN)["interleaving"]
    half_lift = plan_users(ONE_PAGE, PowerPlan(0.1, 0.8, PLAN.sequence))["interleaving"]
    assert users / half_lift == pytest.approx(4, rel=0.1)


def test_leads_are_places_gained():
    drafts = draft_logged_pages(["a", "b", "c"], ["b", "a", "d"], 4)
    assert list(drafts.candidate_leads) == [1, -1, 1, 0] and list(drafts.stable_leads) == [-1, 1, -1, 0]
    assert (drafts.shared_items, drafts.same_position) == (pytest.approx(2 / 3), 0)
    assert set(np.abs(drafts.teams).sum(0)) == {8, 0}  # the fourth place is behind the pages


def test_credit_and_gain_of_a_swap_by_hand():
    """Swap two items: the gain is a place each way, and credit is the mean of both orders of the pair."""
    drafts = draft_logged_pages(["a", "b"], ["b", "a"], 2)
    rates = np.array([0.5, 0.1])
    assert drafts.expected_gain(rates) == pytest.approx(0.5 * 2 - 0.1 * 2)
    assert drafts.expected_credit(rates) == pytest.approx(0.5 + 0.1)


def write_pages(tmp_path, candidate, queries=40, clicks=0.3):
    """Write logs in which both versions answered each query; the candidate's pages are a function of stable's."""
    rng = np.random.default_rng(1)
    exposures = []
    outcomes = []
    for number in range(queries):
        stable = [f"i{item}" for item in rng.permutation(20)]
        for version, order in (("v1", stable), ("v2", candidate(stable))):
            request = f"{version}-{number}"
            names = {"query": f"q{number}", "version": version, "time": START + timedelta(seconds=number)}
            for position, item in enumerate(order[:10], 1):
                exposures.append(exposure(request, USERS[number], item_id=item, position=position, **names))
                if rng.random() < clicks / position:
                    outcomes.append(outcome(request, item_id=item))
            if number % 5 == 0:
                outcomes.append(outcome(request, "order", item_id=order[0], revenue=100 + number))
    return [*write_tables(tmp_path, exposures, outcomes), "--stable=v1", "--candidate=v2"]


def swap_two(stable):
    return [*stable[:4], stable[5], stable[4], *stable[6:]]


def test_like_rankers_need_few_users(tmp_path, capsys):
    assert main([*write_pages(tmp_path, swap_two), "--lift=5%"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["shared_items"], plan["same_position"], plan["pages_with_pair"]) == (1.0, 0.8, 1.0)
    users = plan["users_at_most"]
    assert users["interleaving"] < users["ab_click_through"] / 4 < users["ab_rpm"]
    assert plan["queries_with_both_pages"] == 40 and plan["warnings"] == []


def test_unlike_rankers_are_warned_of(tmp_path, capsys):
    assert main(write_pages(tmp_path, lambda stable: [*stable[5:10], *stable[:5]])) == 0
    output = capsys.readouterr().out
    assert "warning: an A/B test on clicks needs only" in output
    assert "(100% of the items are shared, 0% in the same place)" in output


def test_equal_pages_are_warned_of(tmp_path, capsys):
    assert main(write_pages(tmp_path, lambda stable: stable)) == 0
    output = capsys.readouterr().out
    assert '"interleaving": null' in output and "warning: pages hardly differ: 0.0% of the searches" in output


def test_a_lift_beyond_the_pairs_is_named(tmp_path, capsys):
    def swap_last(stable):
        return [*stable[:8], stable[9], stable[8], *stable[10:]]

    assert main([*write_pages(tmp_path, swap_last), "--lift=50%"]) == 0
    assert "of the clicks fall on items of one ranker: they cannot carry such a lift" in capsys.readouterr().out


def test_a_version_without_pages_is_named(tmp_path, capsys):
    arguments = write_pages(tmp_path, swap_two, queries=3)
    assert main([*arguments[:3], "--candidate=v9"]) == 1
    assert "no page of version v9: the logs hold v1, v2" in capsys.readouterr().err


def test_versions_without_a_common_query_are_named(tmp_path, capsys):
    rows = [exposure(f"r{n}", USERS[n], item_id="i1", query=f"q{n}", version=f"v{n}") for n in (1, 2)]
    assert main([*write_tables(tmp_path, rows, []), "--stable=v1", "--candidate=v2"]) == 1
    assert "no query was answered by both v1 and v2: add the candidate's pages" in capsys.readouterr().err


def test_a_missing_column_is_named(tmp_path, capsys):
    arguments = write_pages(tmp_path, swap_two, queries=3)
    assert main([*arguments, "--columns=pages.query=nosuch"]) == 1
    assert "--columns pages.query=NAME" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--lift=0", "--power=2", "--users-a-day=-1", "--lift=inf", "--looks=1000000000"])
def test_wrong_numbers_are_refused(tmp_path, option, capsys):
    with pytest.raises(SystemExit):
        main(["--exposures=e", "--outcomes=o", "--stable=a", "--candidate=b", option])
    assert f"{option.split('=')[0]} is" in capsys.readouterr().err


def test_one_version_is_no_pair(capsys):
    with pytest.raises(SystemExit):
        main(["--exposures=e", "--outcomes=o", "--stable=a", "--candidate=a"])
    assert "--stable and --candidate are both 'a'" in capsys.readouterr().err


def rewrite(tmp_path, change):
    path = tmp_path / "exposures" / "one.parquet"
    pq.write_table(change(pq.read_table(path)), path)


def test_logs_without_locale_are_planned_from(tmp_path, capsys):
    arguments = write_pages(tmp_path, swap_two, queries=3)
    rewrite(tmp_path, lambda table: table.drop_columns(["locale"]).rename_columns({"query": "text"}))
    assert main([*arguments, "--columns=exposures.query=text"]) == 0
    assert '"queries_with_both_pages": 3' in capsys.readouterr().out


def fill(name, value):
    """Return a function that fills a column with one value."""

    def change(table):
        index = table.column_names.index(name)
        values = pa.array([value] * len(table), table.field(name).type)
        return table.set_column(index, table.field(name), values)

    return change


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("position", None, "no row of version v1 can be used (no position 30): check these columns"),
        ("position", 0, "position holds 0: write it from 1"),
        ("query", None, "(no query 30)"),
        ("item_id", None, "(no item 30)"),
        ("request_id", None, "(no request 30)"),
        ("user_hash", None, "(no user 30)"),
    ],
)
def test_rows_without_what_a_plan_needs_are_named(tmp_path, capsys, name, value, sentence):
    arguments = write_pages(tmp_path, swap_two, queries=3)
    rewrite(tmp_path, fill(name, value))
    assert main(arguments) == 1 and sentence in capsys.readouterr().err


def test_logs_without_clicks_are_warned_of(tmp_path, capsys):
    assert main(write_pages(tmp_path, swap_two, queries=3, clicks=0)) == 0
    output = capsys.readouterr().out
    assert '"clicks_on_pairs": 0.0' in output and "warning: no click falls on stable's pages" in output
