"""The page that gives a board its WiFi: what the host says there. tests/system has the rest."""

import datetime as dt
import json
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from host import pki


@pytest.fixture(autouse=True)
def _ca(configured):
    pki.ensure_for(configured, dt.datetime.now(dt.UTC))


def test_anybody_may_open_it(client):
    answer = client.get("/setup")
    assert (answer.status_code, "Give a board its WiFi" in answer.text) == (200, True)


def test_it_offers_the_ca_with_the_fingerprint_that_serve_printed(client):
    shown = re.search(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", client.get("/setup").text)[0]
    certificate = x509.load_der_x509_certificate(client.get("/setup/ca.crt").data)
    assert certificate.fingerprint(hashes.SHA256()).hex(":").upper() == shown


def test_the_ca_comes_as_phones_install_it(client):
    headers = client.get("/setup/ca.crt").headers
    assert headers["Content-Type"] == "application/x-x509-ca-cert"
    assert headers["Content-Disposition"].endswith('-ca.crt"')


@pytest.mark.parametrize("more", ({"console_url": "https://fleet.example.org"},))
def test_a_page_with_a_certificate_of_its_own_offers_no_ca(client, more):
    by_name = client.get("/setup", headers={"Host": "fleet.example.org"})
    by_address = client.get("/setup", headers={"Host": "192.168.1.10:8443"})
    offers = ["CA certificate" in answer.text for answer in (by_name, by_address)]
    assert offers == [False, True]


def test_a_phone_can_put_it_on_its_home_screen(client):
    answer = client.get("/setup/manifest.webmanifest")
    about = json.loads(answer.text)
    assert answer.headers["Content-Type"] == "application/manifest+json"
    assert (about["start_url"], about["display"]) == ("/setup", "standalone")
    assert client.get(about["icons"][0]["src"]).status_code == 200
