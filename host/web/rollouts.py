"""The pages of rollouts."""

from flask import flash, redirect, request, url_for

from host.access import person
from host.errors import HostError
from host.extensions import session
from host.services import devices, failures, members, releases, rollouts
from host.services.clock import utc
from host.web import pages

blueprint = pages.page_blueprint("rollouts")

_DIGITS_MAX = 9
_MINUTE_S = 60

# Fields of the form that are numbers, and what of the plan they are
_NUMBERS = {
    "canary": ("canary", 1),
    "success": ("success", 1),
    "soak": ("soak_s", _MINUTE_S),
    "failures": ("failures", 1),
    "failure_rate": ("failure_rate", 1),
    "in_flight": ("in_flight", 1),
}
_DONE = {
    "pause": "It is paused. What boards have begun they end.",
    "resume": "It goes on. The failures until now pause it no more.",
    "abort": "It has ended. What boards have begun they end.",
    "retry": "Those that failed have another turn.",
    "promote": "The next wave begins now.",
}


@blueprint.get("/rollouts")
def listed():
    """The rollouts that this person sees."""
    found = rollouts.mine(session(), person())
    totals = members.totals(session(), [one.id for one in found])
    return pages.render("rollouts.html", rollouts=found, totals=totals)


@blueprint.get("/rollouts/<number:rollout_id>")
def show(rollout_id):
    """One rollout."""
    return pages.render("rollout.html", **_one(rollout_id))


@blueprint.get("/rollouts/<number:rollout_id>/live")
def live(rollout_id):
    """What changes of it, fetched every few seconds by live.js."""
    return pages.render("_rollout.html", **_one(rollout_id))


@blueprint.post("/rollouts/<number:rollout_id>/<action>")
def act(rollout_id, action):
    """Pause, resume, abort, retry or promote it, and show it again."""
    if action not in rollouts.ACTIONS:
        raise HostError("not-found", "There is no such action.")
    rollout = rollouts.find(session(), person(), rollout_id)
    rollouts.act(session(), rollout, action, person(), pages.note())
    flash(_DONE[action])
    return redirect(url_for("rollouts.show", rollout_id=rollout.id))


@blueprint.get("/releases/<product>/<number:number>/roll-out")
def form(product, number):
    """Ask how a release is to go out."""
    return _form(releases.find(session(), product, number), None)


@blueprint.post("/releases/<product>/<number:number>/roll-out")
def begin(product, number):
    """Show the waves that it would have, or begin."""
    release = releases.find(session(), product, number)
    made = rollouts.draft(session(), person(), release, _target(), _plan())
    if "preview" in request.form:
        return _form(release, made)
    rollout = rollouts.create(session(), made, person(), pages.note())
    flash(f"Release {number} is on its way.")
    return redirect(url_for("rollouts.show", rollout_id=rollout.id))


def _form(release, made):
    mine = devices.chosen(session(), person(), "all", release)
    tags = sorted({tag for one in mine for tag in one.tags})
    named = {one.id: one.name or one.id for one in mine}
    return pages.render("roll_out.html", release=release, draft=made, tags=tags, named=named)


def _one(rollout_id):
    rollout = rollouts.find(session(), person(), rollout_id)
    now = utc()
    return {
        "rollout": rollout,
        "explanation": rollouts.explanation(rollout),
        "is_scheduled": bool(rollout.starts_at and rollout.starts_at > now),
        "waves": members.counts(session(), rollout, now),
        "failures": failures.of_rollout(session(), rollout),
        "actions": [name for name, row in rollouts.ACTIONS.items() if rollout.state in row[0]],
    }


def _target():
    tags = request.form.getlist("tag")
    percent = request.form.get("percent", "").strip()
    return {
        **({"tags": tags} if tags else {}),
        **({"percent": _number("percent", percent)} if percent else {}),
    }


def _plan():
    form = request.form
    plan = {
        name: _number(field, form[field]) * unit
        for field, (name, unit) in _NUMBERS.items()
        if form.get(field, "").strip()
    }
    if form.get("waves", "").strip():
        plan["waves"] = [_number("waves", part) for part in form["waves"].split(",")]
    if form.get("canary_tag"):
        plan["canary_tag"] = form["canary_tag"]
    if form.get("window_from") or form.get("window_to"):
        plan["window"] = {"from": form.get("window_from"), "to": form.get("window_to")}
    return plan


def _number(field, text):
    text = text.strip().removesuffix("%").strip()
    if not text.isascii() or not text.isdecimal() or len(text) > _DIGITS_MAX:
        raise HostError("bad-request", f"{text[:20]!r} is no number ({field}).")
    return int(text)
