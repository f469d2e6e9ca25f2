"""JSON answers: refusals, and the shapes of SPEC section 11."""

from datetime import UTC, datetime

from flask import jsonify

from host.services import owners, secret


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


def device(one, newest, version, claim_code):
    """A device with its newest assignment."""
    return {
        "id": one.id,
        "name": one.name,
        "owner": one.owner.email if one.owner else None,
        "group": one.group.name if one.group else None,
        "offered_to": one.offered_to.email if one.offered_to else None,
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
        "reason": one.reason,
        "created_at": time(one.created_at),
        "updated_at": time(one.updated_at),
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
