"""The pages of rollouts and events, as a browser sees them."""

import re

import pytest
from host_samples import make_device

from host.engine.rolling import Rolling
from host.models import Assignment, Rollout
from host.services import reports
from host.services.clock import utc

IDS = [f"24a1600000{n:02x}" for n in range(4)]
FORM = {"canary": "1", "waves": "40, 60 %", "success": "90", "soak": "0", "failures": "1"}
PLACE = "/releases/blink/2/roll-out"


@pytest.fixture
def browser(client, alice):
    """Alice's: sends forms with their secret."""
    with client.session_transaction(base_url="https://localhost") as cookie:
        cookie["token"], cookie["form"] = alice.token, "form secret"
    return client


@pytest.fixture
def post(browser):
    def post(path, **fields):
        return browser.post(path, data={"form_secret": "form secret", **fields})

    return post


@pytest.fixture
def fleet(db, alice):
    """Four boards of Alice's that run release 1."""
    return [make_device(db, alice, one, number=1, online=True) for one in IDS]


@pytest.fixture
def rollout(db, post, fleet, release):
    """One that was begun on its form; where its page is."""
    answer = post(PLACE, **FORM)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def text(answer):
    """A page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def test_the_page_of_a_release_leads_to_its_rollout(browser, fleet, release):
    assert PLACE in browser.get("/releases/blink/2").text
    assert "Roll out blink 2" in text(browser.get(PLACE))


def test_the_waves_are_shown_before_anything_begins(browser, post, fleet, release, db):
    shown = text(post(PLACE, **FORM, preview="1"))
    assert "It would go to 4 devices canaries 1 24a1" in shown
    assert db.query(Rollout).count() == 0


def test_a_rollout_is_begun_listed_and_shown(browser, rollout):
    assert "running" in text(browser.get("/rollouts"))
    shown = text(browser.get(rollout))
    assert "canaries now 0 0 0 1 0 0 1" in shown
    assert "1 first, then 40, 60 %" in shown


def test_it_keeps_itself_fresh(browser, rollout):
    assert "canaries" in text(browser.get(f"{rollout}/live"))


@pytest.mark.parametrize("action", ("pause", "promote", "abort"))
def test_its_buttons_work(browser, post, rollout, action):
    assert f"{rollout}/{action}" in browser.get(rollout).text
    assert post(f"{rollout}/{action}").status_code == 302
    assert browser.get(rollout).status_code == 200


def test_boards_that_fail_show_why(browser, host, db, rollout, fleet):
    Rolling(host.database).work(utc())
    one = db.query(Assignment).one()
    said = {"key": "0" * 16, "kind": "update", "outcome": "failed", "assignment": one.id,
            "number": 2, "reason": "app-raised", "traceback": "Traceback <b>"}  # fmt: skip
    reports.accept(db, host.settings, one.device, [said])
    db.commit()
    Rolling(host.database).work(utc())
    shown = browser.get(rollout)
    assert "paused Too many boards failed." in text(shown)
    assert "1 board: app-raised" in text(shown)
    assert "Traceback &lt;b&gt;" in shown.text
    assert "What went wrong on boards" in text(browser.get("/releases/blink/2"))


ODD = (
    ({"waves": "a"}, "is no number (waves)"), ({"waves": "50,60"}, "add up to 110 %"),
    ({"canary": "-1"}, "is no number (canary)"), ({"window_from": "02:00"}, "A window is"),
    ({"percent": "101"}, "1 to 100"), ({"tag": "none"}, "no device of yours"),
)  # fmt: skip


@pytest.mark.parametrize(("fields", "said"), ODD, ids=str)
def test_what_cannot_be_is_said(post, fleet, release, fields, said):
    answer = post(PLACE, **{**FORM, **fields})
    assert answer.status_code in (400, 409)
    assert said in text(answer)


def test_the_record_has_a_page_for_each_subject(browser, rollout):
    everything = browser.get("/events")
    assert "created release blink/2 to 4 devices" in text(everything)
    assert "?subject=rollout+1" in everything.text
    of_one = text(browser.get("/events?subject=rollout+1"))
    assert ("of rollout 1" in of_one, "device 24a1" in of_one) == (True, False)


def test_older_events_are_a_page_further(browser, db, alice, monkeypatch):
    from host.services import events
    from host.web import events as page

    monkeypatch.setattr(page, "_PAGE", 2)
    for n in range(3):
        events.add(db, alice.email, "release blink/1", f"thing-{n}")
    db.commit()
    first = browser.get("/events")
    (older,) = re.findall(r'href="(/events\?before=\d+)"', first.text)
    assert ("thing-2" in first.text, "thing-0" in first.text) == (True, False)
    assert "thing-0" in browser.get(older).text


def test_a_device_is_labelled_on_its_page(browser, post, db, fleet):
    place = f"/devices/{IDS[0]}"
    assert post(f"{place}/label", tags="wet, near", timezone="Asia/Tokyo").status_code == 302
    shown = browser.get(place).text
    assert ('value="near, wet"' in shown, 'value="Asia/Tokyo"' in shown) == (True, True)


def test_somebody_elses_rollout_has_no_page(client, rollout, bob):
    with client.session_transaction(base_url="https://localhost") as cookie:
        cookie["token"] = bob.token
    assert client.get(rollout).status_code == 404
