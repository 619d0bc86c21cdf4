"""The workbench in a real Chromium: keys alone, a phone's width, hostile titles, and nothing from elsewhere."""

import json
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from components.release_state import Experiment, ReleaseState, Stage
from components.release_store import read_state, update_state
from testing.chromium import Chromium, find_chromium
from testing.compared_nights import compared_pair, two_queries, write_night
from testing.servers import environment, free_ports, process
from tests.workbench.conftest import empty_bucket
from workbench import ratings
from workbench.page import PAGES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_chromium(), reason="no chromium is installed: apt-get install chromium"),
]
HOSTILE = "<script>document.title='owned'</script><img src=http://evil.example/x>\u202etcaxE\u202c"
PHONE = (390, 844)
EXPERIMENT = Experiment("e1", "salt", (Stage(0.05, "2026-01-05T04:00:00+00:00"),))
AXE = os.environ.get("BROADFAST_AXE", "")  # axe.min.js of npm's package axe-core 4.14


@pytest.fixture(scope="module")
def address(s3):
    """Return the address of a workbench on two queries, one of them hostile, and three nights."""
    with environment(**s3.environment):
        empty_bucket()
        pairs, rationales = two_queries()
        pairs += [compared_pair(query_id="q3", query=HOSTILE, title=HOSTILE, item_id=f"h{i}") for i in range(3)]
        for number in (3, 4, 5):
            write_night(number, pairs, rationales)
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        with process([sys.executable, "-m", "workbench", f"--port={port}"], f"{url}/static/style.css"):
            yield url
        empty_bucket()


@pytest.fixture(scope="module")
def window(address):
    with Chromium() as browser:
        yield browser


@pytest.fixture
def chromium(window):
    """Return the window at a desk's size, with nothing noted."""
    window.resize(1300, 900)
    window.requests.clear()
    window.problems.clear()
    return window


def start_judging(chromium, address, rater):
    """Judge by keys alone: the field for the name has the focus."""
    chromium.open(f"{address}/judge")
    chromium.wait_for("document.activeElement?.name === 'rater'")
    chromium.type(rater)
    chromium.press("Enter")
    chromium.wait_for("document.querySelector('[data-key=e]')")


def test_pairs_are_judged_by_keys_alone(chromium, address):
    start_judging(chromium, address, "ada")
    for number, key in enumerate("escin", 1):
        chromium.press(key)
        is_next = f"{min(number, 4)} done, {9 - min(number, 4)} left"
        chromium.wait_for(f"document.body.innerText.includes('{is_next}')")
    chromium.wait_for("location.search.includes('skip=1')")
    chromium.press("u")
    chromium.wait_for("document.body.innerText.includes('3 done, 6 left')")
    assert [rating.label for rating in ratings.read_ratings()] == ["Exact", "Substitute", "Complement"]
    chromium.open(f"{address}/judge")
    lines = chromium.download("a[href='/judge/quepid.csv']", "quepid.csv").read_text().splitlines()
    assert lines[0] == "query,docid,rating" and len(lines) == 4


def test_an_order_is_given_on_the_second_page(chromium, address):
    update_state(lambda _: ReleaseState("student-old", "student-new", experiment=EXPERIMENT), "begun")
    chromium.open(f"{address}/release")
    for name, text in (("by", "ada"), ("reason", "seen by hand")):
        chromium.evaluate(f"document.querySelector('[name={name}]').focus()")
        chromium.type(text)
    chromium.evaluate("document.querySelector('[value=pause]').click()")
    chromium.wait_for("document.querySelector('h1')?.innerText === 'Pause?'")
    assert not read_state().experiment.is_paused
    chromium.evaluate("document.querySelector('.strong').click()")
    chromium.wait_for("document.querySelector('h1')?.innerText === 'Done: Pause'")
    assert read_state().experiment.is_paused and read_state().history[-1].by == "ada"


def test_no_page_asks_for_anything_elsewhere(chromium, address):
    for path in (*PAGES, "/compare?query_id=q3", "/judge/pairs?rater=bo"):
        chromium.open(address + path)
    hosts = {urlsplit(url).netloc for url in chromium.requests if not url.startswith("about:")}
    assert hosts == {urlsplit(address).netloc} and not chromium.problems


def test_hostile_titles_are_shown_as_text(chromium, address):
    for path in ("/queries", "/compare?query_id=q3"):
        chromium.open(address + path)
        assert "<script>document.title='owned'</script>" in chromium.text()
        assert chromium.evaluate("document.querySelectorAll('main script, main img').length") == 0
        assert chromium.evaluate("document.title") != "owned"
        # a direction that a title sets ends with the title
        assert chromium.evaluate("getComputedStyle(document.querySelector('main bdi')).unicodeBidi") == "isolate"


@pytest.mark.parametrize("path", [*PAGES, "/compare?query_id=q1", "/judge/pairs?rater=bo", "/judge/figures"])
def test_a_phone_shows_pages_without_scrolling_aside(chromium, address, path):
    chromium.resize(*PHONE)
    chromium.open(address + path)
    assert chromium.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


@pytest.mark.skipif(not AXE, reason="BROADFAST_AXE names no axe.min.js: npm pack axe-core@4.14.1")
@pytest.mark.parametrize("path", [*PAGES, "/compare?query_id=q1", "/judge/pairs?rater=bo", "/judge/figures"])
def test_axe_finds_nothing_serious(chromium, address, path):
    chromium.open(address + path)
    chromium.evaluate(Path(AXE).read_text() + ";0")
    findings = json.loads(chromium.evaluate("axe.run().then((result) => JSON.stringify(result.violations))"))
    assert [finding["id"] for finding in findings if finding["impact"] in ("serious", "critical")] == []
