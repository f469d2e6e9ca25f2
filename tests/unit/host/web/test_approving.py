"""The pages on which releases are approved."""

import re
from datetime import timedelta

import pytest
from host_samples import PASSPHRASE

from host.services import proposals, trust
from host.services.clock import utc

PAGE = "/releases/blink/2/approve"


@pytest.fixture(autouse=True)
def _founded(trusted_host):
    """A fleet with keys."""


@pytest.fixture
def browser(client, approver):
    """A browser in which the approver is signed in."""
    client.get("/sign-in")
    with client.session_transaction(base_url="https://localhost") as cookie:
        cookie["token"] = approver.token
    return client


@pytest.fixture
def release(release, db):
    """Release 2 of blink, which nobody approved yet."""
    release.state = "verified"
    db.commit()
    return release


def secret(page):
    return re.search(r'name="form_secret" value="([^"]+)"', page.text)[1]


def post(browser, url, page, **fields):
    return browser.post(url, data={"form_secret": secret(page), **fields})


def test_what_is_to_be_signed_is_shown(browser, release):
    page = browser.get(PAGE)
    assert "blink/2.json sha256" in page.text
    assert "0 of 1 signature" in page.text


def test_a_look_proposes_nothing(browser, db, release):
    browser.get(PAGE)
    assert proposals.listed(db) == []
    assert "Not approved" in browser.get("/releases/blink/2").text


def test_the_passphrase_approves(browser, host, release):
    page = browser.get(PAGE)
    assert post(browser, PAGE, page, passphrase=PASSPHRASE, base="1").status_code == 302
    assert trust.is_approved(host.trust, release)
    assert "approved" in browser.get("/releases/blink/2").text


def test_a_wrong_passphrase_is_asked_again_and_nowhere_in_the_page(browser, host, release):
    page = browser.get(PAGE)
    again = post(browser, PAGE, page, passphrase="wrong horse", base="1")
    assert (again.status_code, "does not open" in again.text or "opens no" in again.text) == (
        403, True,
    )  # fmt: skip
    assert "wrong horse" not in again.text
    assert not trust.is_approved(host.trust, release)


def test_what_was_not_shown_is_not_signed(browser, host, release):
    page = browser.get(PAGE)
    again = post(browser, PAGE, page, passphrase=PASSPHRASE, base="0")
    assert again.status_code == 409
    assert not trust.is_approved(host.trust, release)


def test_a_release_that_is_not_approved_says_so(browser, release):
    assert "Not approved" in browser.get("/releases/blink/2").text


def test_a_withdrawn_release_waits_for_its_signature(browser, host, release):
    page = browser.get(PAGE)
    post(browser, PAGE, page, passphrase=PASSPHRASE, base="1")
    page = browser.get("/releases/blink/2")
    taken = post(browser, "/releases/blink/2/take-back", page, reason="too warm")
    assert taken.location.endswith("/releases/blink/2/withdraw")
    assert "blink/2.json is taken out" in browser.get(taken.location).text
    assert "Waits for signatures" in browser.get("/releases/blink/2").text
    post(browser, "/releases/blink/2/withdraw", page, passphrase=PASSPHRASE, base="2")
    assert not trust.is_approved(host.trust, release)


def test_who_may_sign_is_a_page(browser):
    page = browser.get("/keys").text
    assert all(role in page for role in ("root", "targets", "snapshot", "timestamp"))


def test_what_expires_soon_stands_on_every_page(browser, host):
    assert 'role="alert"' not in browser.get("/releases").text
    signer, store = host.trust.vault.online(), host.trust.repository
    store.renew(signer, utc() - timedelta(days=6), above=10**9)
    assert "The timestamp metadata expires" in browser.get("/releases").text
