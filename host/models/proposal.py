"""Changes to the signed metadata that wait for signatures, or had them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from host.models.base import Base
from host.models.release import subject
from host.models.user import User


class ProposalSignature(Base):
    """One person's signature over one part of what a proposal makes."""

    __tablename__ = "proposal_signature"
    __table_args__ = (UniqueConstraint("proposal_id", "role", "keyid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(32))
    keyid: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(2048))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="joined")


class Proposal(Base):
    """What is to become of the targets of version `base`; the parts are made of it anew each time.

    Parts themselves are not kept: whoever signs makes them of the same values.
    """

    __tablename__ = "proposal"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # of metadata.changes
    base: Mapped[int]
    version: Mapped[int]
    issued: Mapped[datetime]
    product: Mapped[str | None] = mapped_column(String(32))
    number: Mapped[int | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)  # removals, keys, the fleet's target
    state: Mapped[str] = mapped_column(String(16), index=True)  # open, signed, dropped
    reason: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    created_by: Mapped[User] = relationship(lazy="joined")
    signatures: Mapped[list[ProposalSignature]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by=ProposalSignature.id
    )

    @property
    def subject(self):
        """What events call what it changes."""
        return subject(self.product, self.number) if self.product else "metadata"
