"""The user API of rollouts (SPEC section 11)."""

from flask import Blueprint

from host.access import person
from host.api import answers, body
from host.errors import HostError
from host.extensions import session
from host.services import events, failures, members, releases, rollouts
from host.services.clock import utc

blueprint = Blueprint("rollouts_api", __name__, url_prefix="/api/v1")

_BYTES_MAX = 256 * 1024  # some thousand ids


@blueprint.get("/rollouts")
def listed():
    """The rollouts that this person sees."""
    found, now = rollouts.mine(session(), person()), utc()
    totals = members.totals(session(), [one.id for one in found])
    return [{**answers.rollout(one, now), **totals[one.id]} for one in found]


@blueprint.post("/rollouts")
def create():
    """Ask for a rollout, or with `dry_run` for the waves that it would have."""
    user, fields = person(), body.fields(_BYTES_MAX)
    product, number = body.text(fields, "product", 32), body.number(fields, "number")
    release = releases.find(session(), product, number)
    target, plan = fields.get("target", {}), fields.get("plan", {})
    made = rollouts.draft(session(), user, release, target, plan)
    if fields.get("dry_run") is True:
        return answers.draft(made)
    note = body.text(fields, "reason", events.NOTE_CHARS_MAX, "")
    return _whole(rollouts.create(session(), made, user, note)), 201


@blueprint.get("/rollouts/<number:rollout_id>")
def show(rollout_id):
    """One rollout: its waves, and what went wrong."""
    return _whole(rollouts.find(session(), person(), rollout_id))


@blueprint.get("/rollouts/<number:rollout_id>/devices")
def devices(rollout_id):
    """How each of its devices stands."""
    rollout = rollouts.find(session(), person(), rollout_id)
    return [answers.place(*one) for one in members.places(session(), rollout, utc())]


@blueprint.post("/rollouts/<number:rollout_id>/<action>")
def act(rollout_id, action):
    """Pause, resume, abort, retry or promote it."""
    if action not in rollouts.ACTIONS:
        raise HostError("not-found", f"A rollout has no {action[:32]!r}.")
    user, reason = person(), body.text(body.fields(), "reason", events.NOTE_CHARS_MAX, "")
    rollout = rollouts.find(session(), user, rollout_id)
    rollouts.act(session(), rollout, action, user, reason)
    return _whole(rollout)


@blueprint.get("/releases/<product>/<number:number>/failures")
def of_release(product, number):
    """What went wrong with a release on this person's devices, those alike as one."""
    release = releases.find(session(), product, number)
    found = failures.of_release(session(), person(), release)
    return [answers.failure(one) for one in found]


def _whole(rollout):
    now = utc()
    waves = members.counts(session(), rollout, now)
    found = failures.of_rollout(session(), rollout)
    return {
        **answers.rollout(rollout, now),
        "waves": waves,
        **{name: sum(wave[name] for wave in waves) for name in ("devices", *members.COUNTED)},
        "failures": [answers.failure(one) for one in found],
    }
