"""Who acts: the name that the proxy's header has, where one is trusted, and else the name that a person types."""

import pytest

from components.release_store import read_state
from tests.workbench.conftest import Browser
from tests.workbench.test_judge import shown_pair
from tests.workbench.test_release import running  # noqa: F401  a fixture
from workbench import ratings
from workbench.__main__ import main
from workbench.page import PAGES

pytestmark = pytest.mark.slow
HEADER = "X-Forwarded-Email"
ADA = "ada@shop.example"
PAUSE = {"action": "pause", "reason": "seen by hand"}


@pytest.fixture
def ada(browser):
    """Return a browser behind a proxy that knows Ada."""
    return Browser(HEADER, **{HEADER: ADA})


def judge(browser, **fields):
    query_id, item_id = shown_pair(browser.get("/judge/pairs").text)
    pair = {"query_id": query_id, "item_id": item_id, "label": "Exact"}
    return browser.post("/judge/ratings", "/judge/pairs", **pair, **fields)


def test_a_rating_has_the_proxys_name(ada):
    assert judge(ada).status_code == 200
    assert judge(ada, rater=f" {ADA} ").status_code == 200
    assert [rating.rater for rating in ratings.read_ratings()] == [ADA, ADA]


def test_nobody_rates_in_anothers_name(ada):
    answer = judge(ada, rater="bo")
    assert answer.status_code == 403 and f"you are {ADA}, and the form says &#39;bo&#39;" in answer.text
    assert ada.get("/judge/pairs?rater=bo").status_code == 403 and ratings.read_ratings() == []


def test_a_known_user_types_no_name(ada, running):  # noqa: F811
    assert 'name="rater"' not in ada.get("/judge").text + ada.get("/judge/pairs").text
    text = ada.get("/release").text
    assert 'name="by"' not in text and f"You are <bdi>{ADA}</bdi>" in text


def test_an_order_has_the_proxys_name(ada, running):  # noqa: F811
    order = PAUSE | {"revision": read_state().revision}
    assert f"<dd>{ADA}</dd>" in ada.post("/release/confirm", "/release", **order).text
    assert ada.post("/release/orders", "/release", **order, by="bo").status_code == 403
    assert not read_state().running_experiment.is_paused
    assert ada.post("/release/orders", "/release", **order).status_code == 200
    assert read_state().history[-1].by == ADA


def test_a_request_without_a_name_is_refused(browser):
    for nameless in (Browser(HEADER), Browser(HEADER, **{HEADER: " "}), Browser(HEADER, **{"kubeflow-userid": ADA})):
        for address in PAGES:
            answer = nameless.get(address)
            assert answer.status_code == 401 and f"in the header {HEADER} who asks" in answer.text
    assert Browser(HEADER).get("/static/style.css").status_code == 200  # of the probes
    assert Browser(HEADER).client.post("/judge/ratings", data={}).status_code == 401


def test_a_name_beside_the_proxys_is_refused(browser):
    both = Browser(HEADER).get("/release", headers=[(HEADER, ADA), (HEADER, "bo@shop.example")])
    assert both.status_code == 400 and "came 2 times" in both.text
    assert Browser(HEADER, **{HEADER: "a" * 101}).get("/release").status_code == 400


def test_a_form_still_needs_its_token(ada):
    assert ada.client.post("/judge/ratings", data={"label": "Exact"}).status_code == 403


def test_names_beyond_ascii_are_read(browser):
    answer = Browser(HEADER).get("/release", headers={HEADER.encode(): "zoë@shop.example".encode()})
    assert "You are <bdi>zoë@shop.example</bdi>" in answer.text


def test_a_header_is_off_by_default(browser):
    forger = Browser(**{HEADER: ADA, "kubeflow-userid": ADA})
    assert forger.get("/judge/pairs").status_code == 422 and "You are" not in forger.get("/release").text


def test_a_wrong_header_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--user-header", "kubeflow-userid: ada"])
    assert "give the name of a header alone, as kubeflow-userid" in capsys.readouterr().err
