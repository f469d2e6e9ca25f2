"""Browsers that are signed in without the cost of a password."""

import re

import pytest

FORM = "form secret"


@pytest.fixture
def enter(client):
    """Signs a person's browser in."""

    def enter(person):
        with client.session_transaction(base_url="https://localhost") as cookie:
            cookie["token"], cookie["form"] = person.token, FORM

    return enter


@pytest.fixture
def signed_in(enter, alice):
    """Alice's browser."""
    enter(alice)


@pytest.fixture
def post(client):
    """Sends a form of ours."""
    return lambda path, **fields: client.post(path, data={"form_secret": FORM, **fields})


@pytest.fixture
def read(client):
    """A page without its tags."""

    def read(page):
        content = client.get(page).text if isinstance(page, str) else page.text
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", content))

    return read
