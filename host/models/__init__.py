"""The tables. All are imported here, because a mapped class only exists once it was imported."""

from host.models.assignment import Assignment
from host.models.attempt import Attempt
from host.models.base import Base
from host.models.device import Device
from host.models.event import Event
from host.models.group import Group, Membership
from host.models.outbox import Outbox
from host.models.proposal import Proposal, ProposalSignature
from host.models.release import Blob, Release, ReleaseBlob
from host.models.report import Report
from host.models.rollout import Rollout, RolloutDevice
from host.models.signer import SeenVersion, Signer
from host.models.user import EnrolmentToken, Link, Token, User
from host.models.verification import Finding, Verification

__all__ = [
    "Assignment",
    "Attempt",
    "Base",
    "Blob",
    "Device",
    "EnrolmentToken",
    "Event",
    "Finding",
    "Group",
    "Link",
    "Membership",
    "Outbox",
    "Proposal",
    "ProposalSignature",
    "Release",
    "ReleaseBlob",
    "Report",
    "Rollout",
    "RolloutDevice",
    "SeenVersion",
    "Signer",
    "Token",
    "User",
    "Verification",
]
