"""What a release's page shows of the gate, and the two buttons on it."""

from flask import flash, redirect, url_for

from host.access import person
from host.errors import HostError
from host.extensions import host, session
from host.services import releases, verifications
from host.verification.checks import CHECKS
from host.web import pages

blueprint = pages.page_blueprint("verifications")

_RELEASE = "/releases/<product>/<number:number>"
_TITLES = {check.name: check.title for check in CHECKS}


@blueprint.get(f"{_RELEASE}/verification")
def live(product, number):
    """The part of the page alone, fetched every few seconds by live.js."""
    release = releases.find(session(), product, number)
    return pages.render("_verification.html", release=release, **shown(release))


@blueprint.post(f"{_RELEASE}/verification")
def again(product, number):
    """Try it anew."""
    release = releases.find(session(), product, number)
    verifications.again(session(), host().settings, release, person())
    flash(f"Release {number} is tried anew.")
    return _back(release)


@blueprint.post(f"{_RELEASE}/findings/<number:finding_id>/waive")
def waive(product, number, finding_id):
    """An admin answers for a failed finding."""
    reason = pages.note()
    if not reason:
        raise HostError("bad-request", "Say why: it stays on the record.")
    release = releases.find(session(), product, number)
    verifications.waive(session(), release, finding_id, person(), reason)
    flash("The finding is waived, in your name.")
    return _back(release)


def shown(release):
    """What the part shows: the job and the findings."""
    job = verifications.of(session(), release)
    return {
        "job": job, "findings": verifications.findings(session(), release),
        "check_title": _TITLES.get(job.check, "") if job else "",
    }  # fmt: skip


def _back(release):
    return redirect(url_for("releases.show", product=release.product, number=release.number))
