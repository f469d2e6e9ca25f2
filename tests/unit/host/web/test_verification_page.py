"""What a release's page shows of the gate, and who may do what about it."""

import re

import pytest
from host_samples import make_user

from host.models import Finding as Kept
from host.services import verifications
from host.verification.finding import FAIL, PASS, Finding

PAGE = "/releases/blink/2"
FOUND = [
    Finding("content", PASS, "Whole", "All is there."),
    Finding("boots", FAIL, "Boots", "It <raised>.", "ValueError: seven"),
]


@pytest.fixture
def more():
    return {"verification": "on"}


@pytest.fixture
def release(trusted_host, release, db):
    """Release 2, being tried."""
    release.state = "verifying"
    verifications.take(db, "worker")
    verifications.beat(db, release.id, "worker", "boots", 7, "on a board")
    db.commit()
    return release


@pytest.fixture
def rejected(release, db):
    """The same, rejected."""
    verifications.finish(db, release.id, "worker", FOUND)
    db.commit()
    return release


@pytest.fixture
def browser(client, db):
    """A browser of somebody with a role."""

    def browser(role):
        with client.session_transaction(base_url="https://localhost") as cookie:
            cookie["token"] = make_user(db, f"{role}@example.org", role).token
        return client

    return browser


def post(browser, url, page, **fields):
    secret = re.search(r'name="form_secret" value="([^"]+)"', page.text)[1]
    return browser.post(url, data={"form_secret": secret, **fields})


def test_how_far_it_is_is_shown_and_kept_fresh(browser, release):
    viewer = browser("viewer")
    page = viewer.get(PAGE).text
    assert 'data-live="/releases/blink/2/verification"' in page
    part = viewer.get(f"{PAGE}/verification").text
    assert "Boots and is healthy, 7 of 10" in part
    assert '<progress max="10" value="7"' in part


def test_findings_are_shown_with_their_logs(browser, rejected):
    page = browser("viewer").get(PAGE).text
    assert "It &lt;raised&gt;." in page
    assert "ValueError: seven" in page
    assert "Waive this finding" not in page


def test_a_rejected_release_is_not_offered_to_be_approved(browser, rejected):
    assert "Look and approve" not in browser("approver").get(PAGE).text
    answer = browser("admin").get(f"{PAGE}/approve")
    assert "was rejected: Boots" in answer.text


def test_an_admin_waives_with_a_reason(browser, rejected, db):
    admin = browser("admin")
    page = admin.get(PAGE)
    [failed] = db.query(Kept).filter_by(level="fail")
    url = f"{PAGE}/findings/{failed.id}/waive"
    assert post(admin, url, page, reason=" ").status_code == 400
    assert post(admin, url, page, reason="only in simulation").status_code == 302
    db.refresh(rejected)
    assert rejected.state == "verified"
    assert "only in simulation" in admin.get(PAGE).text


def test_an_operator_has_it_tried_anew(browser, rejected, db):
    operator = browser("operator")
    page = operator.get(PAGE)
    assert post(operator, f"{PAGE}/verification", page).status_code == 302
    db.refresh(rejected)
    assert rejected.state == "verifying"
