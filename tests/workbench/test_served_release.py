"""The workbench beside servers, a gateway and release control that are real: ranked now, explained, promoted."""

import pytest

from components.release_store import read_state
from testing.chromium import Chromium, find_chromium
from testing.compared_nights import compared_pair
from testing.served_release import serve_release
from tests.workbench.conftest import Browser, clear_caches

pytestmark = pytest.mark.slow
needs_chromium = pytest.mark.skipif(not find_chromium(), reason="no chromium is installed: apt-get install chromium")
MOVE_S = 300  # servers start meanwhile
TITLES = {"i1": "red socks", "i2": "socks", "i3": "garden hose", "i4": "hose red"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Return a release that is served with an S3 of its own, after a night of one judged query."""
    clear_caches()
    pairs = [compared_pair(item_id=name, title=title, brand="") for name, title in TITLES.items()]
    with serve_release(tmp_path_factory.mktemp("served"), pairs) as served:
        yield served
    clear_caches()


@pytest.fixture(scope="module")
def chromium():
    with Chromium() as window:
        yield window


def test_an_open_move_is_finished_at_the_start(served):
    state = read_state()
    assert (state.intent, state.traffic_percent, state.candidate) == (None, 5, served.candidate)


def test_a_free_query_is_ranked_by_both(served):
    text = Browser().get("/compare/free?text=socks+or+hose").text
    assert served.stable in text and served.candidate in text and "4 items" in text
    stable, candidate = text.split("<h2>Candidate")
    # stable takes socks for a Complement and a hose for Irrelevant, the candidate the other way round
    assert stable.index("<bdi>socks<") < stable.index("<bdi>garden hose<")
    assert candidate.index("<bdi>garden hose<") < candidate.index("<bdi>socks<")


def test_a_judged_query_keeps_its_labels(served):
    answer = Browser().get("/compare/free?text=Red+running++SHOES")
    assert answer.url.params["query_id"] == "q1" and "As the servers rank it now" in answer.text
    assert "judged items" in answer.text and 'class="label Exact"' in answer.text


def test_an_item_is_explained_by_both(served):
    text = Browser().get("/compare/item?text=socks&item_id=i1").text
    assert f'Stable <span class="muted">{served.stable}' in text
    assert "Found red, running, shoes; nothing asked is missing." in text and "query q1, item i1, Exact" in text
    text = Browser().get("/compare/item?query_id=q1&item_id=i2").text
    assert "as judged" in text and "Found red, running, shoes" in text
    text = Browser().get("/compare/item?text=hose&item_id=i3").text
    assert "No rationale: the nearest rationales argue for Exact, not for Irrelevant." in text


@needs_chromium
@pytest.mark.parametrize("path", ["/compare/free?text=socks", "/compare/item?text=socks&item_id=i1"])
def test_a_phone_shows_what_servers_say(chromium, served, path):
    chromium.resize(390, 844)
    chromium.open(served.page_url + path)
    assert "socks" in chromium.text() and chromium.evaluate("document.documentElement.scrollWidth") <= 390
    chromium.resize(1300, 900)


def decide(chromium, served, action, **fields):
    """Give an order on the Release page and confirm it, as a person does."""
    chromium.open(f"{served.page_url}/release")
    for name, text in {"by": "ada", "reason": "seen by hand", **fields}.items():
        chromium.evaluate(f"document.querySelector('[name={name}]').select()")
        chromium.type(text)
    chromium.evaluate(f"document.querySelector('[name=action][value={action}]').click()")
    chromium.wait_for("document.querySelector('h1')?.innerText.endsWith('?')")
    chromium.evaluate("document.querySelector('.strong').click()")
    chromium.wait_for("document.querySelector('h1')?.innerText.startsWith('Done')", MOVE_S)
    chromium.open(f"{served.page_url}/release")


@needs_chromium
def test_a_promotion_serves_the_candidate_alone(chromium, served):
    assert served.count_versions()[served.stable] > 20  # of 40, at 5%
    decide(chromium, served, "promote")
    assert served.count_versions() == {served.candidate: 40}
    assert f"stable\n{served.candidate}\ncandidate\nnone" in chromium.text()
    assert "decided: promote\tseen by hand\tada" in chromium.text()


@needs_chromium
def test_a_veto_takes_all_traffic_back(chromium, served):
    decide(chromium, served, "canary", percent="50")  # the version that was stable before
    assert served.count_versions().keys() == {served.stable, served.candidate}
    assert f"candidate\n{served.stable}\nstage\nA/B: 50% of users" in chromium.text()
    decide(chromium, served, "veto")
    assert served.count_versions() == {served.candidate: 40}
    assert f"stable\n{served.candidate}\ncandidate\nnone" in chromium.text()
    assert "decided: vetoed\tseen by hand\tada" in chromium.text()
