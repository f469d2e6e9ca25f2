"""The console, as a browser sees it."""

import re
from pathlib import Path

import pytest
from host_samples import DEVICE_ID, make_device, make_waiting

from host.models import Assignment, Outbox, Report, Token
from host.services import accounts, assignments, presence
from host.services.clock import utc
from host.web import pages

TEMPLATES = Path(pages.__file__).parent / "templates"


def post(client, path, **fields):
    return client.post(path, data={"form_secret": "form secret", **fields})


def text(answer):
    """A page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


@pytest.fixture
def account(db):
    """An account with a password."""
    user, password = accounts.create(db, "carol@example.com")
    db.commit()
    return {"email": user.email, "password": password}


def form_secret(client, path="/sign-in"):
    return re.search('name="form_secret" value="([^"]+)"', client.get(path).text)[1]


def test_who_is_not_signed_in_is_asked_to(client):
    answer = client.get("/claim?code=ABCD-EFGH")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/sign-in?next=/claim?code%3DABCD-EFGH"


def test_signing_in_leads_where_one_wanted_to_go(client, account):
    fields = {**account, "next": "/claim?code=X", "form_secret": form_secret(client)}
    answer = client.post("/sign-in", data=fields)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/claim?code=X")
    assert client.get("/").status_code == 200


def test_the_cookie_is_for_this_host_over_tls_only(client, account):
    fields = {**account, "form_secret": form_secret(client)}
    cookie = client.post("/sign-in", data=fields).headers["Set-Cookie"]
    assert cookie.startswith("__Host-mpfleet=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_a_wrong_password_is_asked_again(client, account):
    fields = {**account, "password": "x", "form_secret": form_secret(client)}
    answer = client.post("/sign-in", data=fields)
    assert answer.status_code == 401
    assert "do not go together" in text(answer)


@pytest.mark.parametrize("limits", ({"sign-in:address": (1, 300)},))
def test_guessing_in_the_browser_is_limited_too(client, account):
    fields = {**account, "password": "x", "form_secret": form_secret(client)}
    statuses = [client.post("/sign-in", data=fields).status_code for _ in range(2)]
    assert statuses == [401, 429]


ELSEWHERE = (
    "https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "",
    "/x//evil.example", "///evil.example", "////evil.example", "/\n/evil.example", "evil",
)  # fmt: skip


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_never_leads_elsewhere(target):
    assert pages.local_path(target) == "/"


def test_signing_out_ends_the_session_for_a_copied_cookie_too(client, signed_in, db):
    assert post(client, "/sign-out").status_code == 302
    assert client.get("/").status_code == 302
    assert db.query(Token).count() == 0


FORMS = (
    "/sign-in", "/sign-out", "/claim", f"/devices/{DEVICE_ID}/update-now",
    f"/devices/{DEVICE_ID}/retire", "/releases/blink/2/assign",
)  # fmt: skip


@pytest.mark.parametrize("given", (None, "", "wrong", "é"))
@pytest.mark.parametrize("path", FORMS)
def test_a_form_of_another_site_is_refused(client, signed_in, device, db, path, given):
    answer = client.post(path, data={} if given is None else {"form_secret": given})
    db.refresh(device)
    assert answer.status_code == 400
    assert "This form is too old" in text(answer)
    assert (device.state, db.query(Outbox).count()) == ("claimed", 0)


PATHS = ("/", "/sign-in", "/setup", "/releases", "/claim", "/nothing", f"/devices/{DEVICE_ID}")


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_protected(client, signed_in, device, path):
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("template", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_no_page_has_anything_inline_or_from_elsewhere(template):
    content = template.read_text()
    assert (
        re.findall(r"\son\w+=|style=|<style|<script(?! src=)|https?://|\|\s*safe", content) == []
    )


@pytest.mark.parametrize("template", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_every_form_carries_its_secret(template):
    content = template.read_text()
    forms = content.count('method="post"')
    assert content.count("form_secret()") == forms


def test_no_devices_yet_says_what_to_type(client, signed_in):
    assert "mpfleet deploy --port" in text(client.get("/"))


def test_no_releases_yet_says_what_to_type(client, signed_in):
    assert "mpfleet release build examples/blink --upload" in text(client.get("/releases"))


def test_a_device_is_listed_with_its_state_and_progress(client, signed_in, device, release, db):
    assignments.assign(db, [device], release, "alice@example.com")
    presence.status(db, DEVICE_ID, {"online": True, "number": 1, "mode": "active"})
    presence.progress(db, DEVICE_ID, {"number": 2, "step": "stage", "done": 1, "total": 4})
    db.commit()
    for path in ("/", "/devices/rows"):
        answer = client.get(path)
        assert "online" in text(answer)
        assert "2 · stage 25 %" in text(answer)
        assert '<progress max="4" value="1"' in answer.text


@pytest.mark.parametrize("path", ("/devices/rows", f"/devices/{DEVICE_ID}/live"))
def test_a_board_changed_over_usb_is_shown_as_unmanaged(db, client, signed_in, device, path):
    presence.status(db, DEVICE_ID, {"online": True, "number": 0, "slot": "a", "mode": "active"})
    db.commit()
    assert "unmanaged" in text(client.get(path))


@pytest.mark.parametrize("path", ("/devices/rows", f"/devices/{DEVICE_ID}/live"))
def test_what_is_fetched_again_is_a_part_and_no_page(client, signed_in, device, path):
    assert "<html" not in client.get(path).text


def test_what_a_board_says_is_shown_as_text(client, signed_in, device, db):
    evil = "<script>alert(1)</script>"
    device.name = evil
    db.add(
        Report(
            device_id=DEVICE_ID, key="0" * 16, kind="app", received_at=utc(), detail=evil,
            reason="app-raised", traceback=evil, log=[evil],
        )
    )  # fmt: skip
    db.commit()
    for path in ("/", f"/devices/{DEVICE_ID}"):
        assert evil not in client.get(path).text
    assert "&lt;script&gt;alert(1)" in client.get(f"/devices/{DEVICE_ID}").text


def test_a_person_sees_only_their_own(client, enter, bob, device):
    enter(bob)
    assert DEVICE_ID not in client.get("/").text
    answer = client.get(f"/devices/{DEVICE_ID}")
    assert answer.status_code == 404
    assert "Not here" in text(answer)


def change(client, action, **fields):
    answer = post(client, f"/devices/{DEVICE_ID}/{action}", **fields)
    return answer.status_code


def test_update_now_tells_the_board(client, signed_in, device, db):
    assert change(client, "update-now") == 302
    assert [row.what for row in db.query(Outbox)] == [{"what": "check"}]


@pytest.mark.parametrize(("online", "said"), ((True, "was told to look"), (False, "is offline")))
def test_update_now_says_whether_the_board_can_hear(client, signed_in, device, db, online, said):
    device.online = online
    db.commit()
    change(client, "update-now")
    assert said in text(client.get(f"/devices/{DEVICE_ID}"))


def test_a_release_is_offered(client, signed_in, device, release, db):
    assert change(client, "assign", number="2") == 302
    assert db.query(Assignment).one().state == "offered"


@pytest.mark.parametrize(
    ("number", "status"), (("", 400), ("x", 400), ("9", 404), ("9" * 20, 400), ("9" * 5000, 400))
)
def test_an_odd_choice_is_refused(client, signed_in, device, number, status):
    assert change(client, "assign", number=number) == status


def test_a_device_is_renamed(client, signed_in, device, db):
    change(client, "rename", name="kitchen")
    db.refresh(device)
    assert device.name == "kitchen"


def test_a_device_is_retired(client, signed_in, device, db):
    change(client, "retire")
    db.refresh(device)
    assert device.state == "retired"
    assert "Retire this device" not in client.get(f"/devices/{DEVICE_ID}").text


@pytest.mark.parametrize(
    ("action", "kept"), (("accept-secret", "1" * 64), ("refuse-secret", None))
)
def test_a_conflict_is_shown_and_decided(client, signed_in, device, db, action, kept):
    old = device.secret_digest
    device.conflict_digest, device.conflict_at, device.conflict_from = "1" * 64, utc(), "10.0.0.7"
    db.commit()
    assert "Another secret for this device" in text(client.get(f"/devices/{DEVICE_ID}"))
    change(client, action)
    db.refresh(device)
    assert (device.secret_digest, device.conflict_digest) == (kept or old, None)


def test_golden_is_asked_to_try_again(client, signed_in, device, db):
    device.mode = "golden"
    db.commit()
    assert "Try its release again" in client.get(f"/devices/{DEVICE_ID}").text
    change(client, "retry-active")
    db.refresh(device)
    assert device.retry_active is True


def test_an_unknown_action_is_not_found(client, signed_in, device):
    assert change(client, "explode") == 404


def test_a_viewer_sees_no_buttons_and_may_not_press_them(client, enter, viewer, db):
    make_device(db, viewer)
    enter(viewer)
    page = client.get(f"/devices/{DEVICE_ID}").text
    assert page.count("<form") == 1  # signing out
    assert change(client, "update-now") == 403


def test_a_board_is_claimed_by_the_code_in_the_address(client, signed_in, db, host):
    device, code = make_waiting(db, host.settings)
    page = client.get(f"/claim?code={code}").text
    answer = post(client, "/claim", code=code.lower(), name="kitchen")
    db.refresh(device)
    assert f'value="{code}"' in page
    assert answer.headers["Location"] == f"/devices/{DEVICE_ID}"
    assert (device.owner.email, device.name) == ("alice@example.com", "kitchen")


def test_opening_the_address_alone_claims_nothing(client, signed_in, db, host):
    device, code = make_waiting(db, host.settings)
    client.get(f"/claim?code={code}")
    db.refresh(device)
    assert device.state == "unclaimed"


@pytest.mark.parametrize("limits", ({"claim:user": (1, 600)},))
def test_guessing_codes_in_the_browser_is_limited(client, signed_in):
    statuses = [post(client, "/claim", code="AAAA-AAAA").status_code for _ in range(2)]
    assert statuses == [404, 429]


def test_releases_are_listed_and_shown(client, signed_in, release, device):
    assert "blink 2" in text(client.get("/releases"))
    page = text(client.get("/releases/blink/2"))
    assert "app/main.mpy" in page
    assert "Offer to all 1 device it is for" in page


def test_a_release_that_is_not_ready_says_how_to_go_on(client, signed_in, release, db):
    release.state = "draft"
    db.commit()
    page = text(client.get("/releases/blink/2"))
    assert "mpfleet release upload blink-2.mpfleet" in page


def test_a_release_is_offered_to_all_that_lack_it(client, signed_in, release, device, db, alice):
    make_device(db, alice, "24a160000002", number=2)
    answer = post(client, "/releases/blink/2/assign")
    assert answer.status_code == 302
    assert [one.device_id for one in db.query(Assignment)] == [DEVICE_ID]


def test_a_mistake_of_the_host_is_a_friendly_page(client, signed_in, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("host.services.devices.mine", broken)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "Our mistake" in text(answer)
    assert "secret detail" not in answer.text
