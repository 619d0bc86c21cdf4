"""What no page does: run scripts of others, take forms of others, answer under other names, import a room."""

import pytest
from starlette.testclient import TestClient

from testing.house_rules import ROOT, list_sources
from tests.test_house import STAGE_ROOMS, imports, within
from workbench.app import create_app
from workbench.page import PAGES

pytestmark = pytest.mark.slow
FORM = {"rater": "ada", "query_id": "q1", "item_id": "i0", "label": "Exact"}


def test_every_page_has_the_strict_policy(browser):
    for address in PAGES:
        answer = browser.get(address)
        policy = answer.headers["content-security-policy"]
        assert answer.status_code == 200 and "default-src 'none'" in policy and "unsafe" not in policy
        assert "<script>" not in answer.text and "style=" not in answer.text and " onclick" not in answer.text


def test_a_form_without_its_token_is_refused(browser):
    browser.get("/judge")
    assert browser.client.post("/judge/ratings", data=FORM).status_code == 403
    assert browser.client.post("/judge/ratings", data=FORM | {"token": "é"}).status_code == 403


def test_another_browsers_token_is_refused(browser):
    other = TestClient(create_app(), base_url="http://localhost")
    token = other.get("/judge/pairs?rater=eve").text.split('name="token" value="')[1][:64]
    browser.get("/judge")
    answer = browser.client.post("/judge/ratings", data=FORM | {"token": token})
    assert answer.status_code == 403 and "load the page again" in answer.text


def test_another_host_name_is_refused(browser):
    assert browser.get("/release", headers={"host": "evil.example"}).status_code == 400


def test_a_page_that_is_missing_says_so(browser):
    answer = browser.get("/nothing")
    assert answer.status_code == 404 and "/nothing: Not Found" in answer.text


def test_hostile_titles_are_text(empty_browser):
    from testing.compared_nights import compared_pair, write_night

    title = '<script>alert(1)</script><img src=x onerror="alert(2)">\u202etcaxE'
    write_night(5, [compared_pair(title=title, query=title, item_id=f"i{number}") for number in range(3)])
    for address in ("/queries", "/compare", "/compare?query_id=q1", "/judge/pairs?rater=%3Cb%3E"):
        text = empty_browser.get(address).text
        assert "<script>alert" not in text and "<img" not in text and "<b>" not in text, address
        assert "&lt;script&gt;" in text, address


def test_the_workbench_imports_no_room():
    for path in list_sources(ROOT, ("workbench",)):
        for room in STAGE_ROOMS:
            assert not within(imports(path), f"components.{room}"), path
        assert not within(imports(path), "pipelines") and not within(imports(path), "serving"), path
