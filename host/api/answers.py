"""JSON answers: refusals, and the shapes of SPEC section 11."""

from datetime import UTC, datetime
from itertools import chain

from flask import jsonify

from host.services import assignments, owners, rollouts, secret


def refusal(error):
    """A refusal with its word, status and, where it helps, when to ask again."""
    response = jsonify(error.answer())
    response.status_code = error.status
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def time(moment):
    """ISO 8601 in UTC, to the second."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(one):
    """A person."""
    return {"email": one.email, "role": one.role}


def account(one):
    """A person, as admins see them."""
    return {
        **user(one),
        "id": one.id,
        "active": one.deactivated_at is None,
        "created_at": time(one.created_at),
    }


def group(one, device_count):
    """A group of people."""
    members = [{"id": each.id, **user(each)} for each in one.members]
    return {"id": one.id, "name": one.name, "members": members, "devices": device_count}


def link(one, url=None):
    """A one-time link; its address is told once, to who makes it."""
    return {
        "id": one.id,
        "email": one.email,
        "role": one.role,
        "created_by": one.created_by,
        "expires_at": time(one.expires_at),
        **({"url": url} if url else {}),
    }


def token(one, text):
    """A token, and whether it is the one of this text."""
    return {
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "scopes": one.scopes,
        "created_at": time(one.created_at),
        "expires_at": time(one.expires_at),
        "last_used_at": time(one.last_used_at),
        "last_used_from": one.last_used_from,
        "agent": one.agent,
        "current": secret.matches(text, one.digest),
    }


def device(one, newest, version, taker, claim_code):
    """A device with its newest assignment."""
    return {
        "id": one.id,
        "name": one.name,
        "owner": one.owner.email if one.owner else None,
        "group": one.group.name if one.group else None,
        "offered_to": taker.email if taker else None,
        "mac": one.mac,
        "model": one.model,
        "product": one.product,
        "state": one.shown_state,
        "online": one.online,
        "registered_at": time(one.registered_at),
        "last_seen_at": time(one.last_seen_at),
        "number": one.number,
        "unmanaged": one.is_unmanaged,
        "version": version,
        "slot": one.slot,
        "mode": one.mode,
        "firmware": one.firmware,
        "tags": one.tags,
        "timezone": one.timezone,
        "assignment": assignment(newest) if newest else None,
        "progress": _progress(one.progress),
        "claim_code": claim_code,
    }


def offer(one):
    """A device that is offered to somebody who does not have it yet."""
    return {
        "device": one.id,
        "name": one.name,
        "product": one.product,
        "model": one.model,
        "from": owners.name(one),
        "offered_at": time(one.offered_at),
    }


def assignment(one):
    """An assignment."""
    return {
        "id": one.id,
        "device": one.device_id,
        "product": one.release.product,
        "number": one.release.number,
        "state": one.state,
        "stage": assignments.stage(one),
        "reason": one.reason,
        "rollout": one.rollout_id,
        "created_at": time(one.created_at),
        "updated_at": time(one.updated_at),
    }


def rollout(one, now):
    """A rollout, without its devices."""
    is_scheduled = one.state == "running" and one.starts_at and one.starts_at > now
    return {
        "id": one.id,
        "product": one.release.product,
        "number": one.release.number,
        "state": "scheduled" if is_scheduled else one.state,
        "why": one.why,
        "explanation": rollouts.explanation(one),
        "wave": one.wave,
        "reached_at": time(one.reached_at),
        "target": one.target,
        "plan": one.plan,
        "reason": one.note,
        "starts_at": time(one.starts_at),
        "ends_at": time(one.ends_at),
        "created_at": time(one.created_at),
        "created_by": one.created_by.email,
    }


def draft(one):
    """What a rollout would be."""
    return {
        "product": one.release.product,
        "number": one.release.number,
        "target": one.target,
        "plan": one.described,
        "waves": one.waves,
        "names": [one.plan.wave_name(n) for n in range(len(one.waves))],
        "held": sorted(one.held.intersection(chain(*one.waves))),
    }


def place(member, one):
    """How a device stands in a rollout; `one` is its assignment, or None."""
    return {
        "device": member.device,
        "wave": member.wave,
        "state": member.state,
        "assignment": assignment(one) if one else None,
    }


def failure(group):
    """A fault, and the newest report of it."""
    shown = {name: getattr(group.example, name, None) for name in _FAULT_FIELDS}
    return {
        "reason": group.reason,
        "fingerprint": group.fingerprint,
        "count": len(group.devices),
        "devices": group.shown,
        "first_at": time(group.first_at),
        "last_at": time(group.last_at),
        **shown,
    }


def event(one):
    """An event."""
    return {
        "id": one.id,
        "at": time(one.at),
        "who": one.who,
        "subject": one.subject,
        "what": one.what,
        "why": one.why,
    }


def release(one, is_approved):
    """A release, and whether boards would take it."""
    return {
        "product": one.product,
        "number": one.number,
        "version": one.version,
        "description": one.description,
        "boards": one.boards,
        "parts": one.parts,
        "size_bytes": one.size_bytes,
        "state": one.state,
        "approved": is_approved,
        "withdrawn": one.withdrawn_why,
        "created_at": time(one.created_at),
        "created_by": one.created_by.email,
        "manifest_sha256": one.manifest_sha256,
    }


def verification(release, job, found):
    """How far the gate is with a release, and its findings."""
    return {
        "product": release.product,
        "number": release.number,
        "state": release.state,
        "job": job and {
            "state": job.state,
            "check": job.check,
            "step": job.step,
            "steps": job.steps,
            "detail": job.detail,
            "queued_at": time(job.queued_at),
            "started_at": time(job.started_at),
            "ended_at": time(job.ended_at),
        },
        "findings": [_finding(one) for one in found],
    }  # fmt: skip


def _finding(one):
    waived = {"by": one.waived_by, "at": time(one.waived_at), "reason": one.waived_why}
    return {
        "id": one.id,
        "source": one.source,
        "check": one.check,
        "level": one.level,
        "title": one.title,
        "sentence": one.sentence,
        "log": one.log,
        "at": time(one.at),
        "waived": waived if one.waived_at else None,
    }


def proposal(one, standing):
    """A change of the signed metadata: all that it takes to compose it, and who signed."""
    more = one.details
    return {
        "id": one.id,
        "kind": one.kind,
        "base": one.base,
        "version": one.version,
        "issued": time(one.issued),
        "product": one.product,
        "number": one.number,
        "removals": more.get("removals", []),
        "add": more.get("add", []),
        "remove": more.get("remove", []),
        "thresholds": more.get("thresholds", {}),
        "fleet": more.get("fleet"),
        "state": one.state,
        "reason": one.reason,
        "created_at": time(one.created_at),
        "created_by": one.created_by.email,
        "needs": {
            role: [{"signed": people, "threshold": most} for people, most in seats]
            for role, seats in standing.items()
        },
    }


_FAULT_FIELDS = ("step", "detail", "traceback", "log")
_REPORT_FIELDS = (
    "key", "kind", "outcome", "assignment", "number", "step", "reason", "detail", "traceback",
    "log", "running", "heap", "bytes",
)  # fmt: skip


def report(one):
    """A report, with the board's time and the host's."""
    fields = {name: getattr(one, name) for name in _REPORT_FIELDS}
    return {**fields, "time": time(one.time), "received_at": time(one.received_at)}


def _progress(kept):
    if kept is None:
        return None
    return {**kept, "at": time(datetime.fromtimestamp(kept["at"], UTC))}
