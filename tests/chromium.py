"""The Chromium that pages are tried in."""

import contextlib
import shutil

import pytest
from playwright.sync_api import sync_playwright

_PATH = shutil.which("chromium")
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

needed = pytest.mark.skipif(
    _PATH is None, reason="chromium is not on PATH: make system-packages installs it"
)


@contextlib.contextmanager
def browsing(*options):
    """A browser, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_PATH, args=[*_OPTIONS, *options])
        yield browser
        browser.close()
