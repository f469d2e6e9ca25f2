"""People, and what they act and come in with."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from host.models.base import Base


class User(Base):
    """A person who signs in. `role` is a word of services.permissions."""

    __tablename__ = "user"

    scopes = None  # not kept: what the token they act with is limited to (services.accounts)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    deactivated_at: Mapped[datetime | None]  # nobody signs in as this person


class Token(Base):
    """What a person acts with: of a browser, a command line, or a program. Only its hash is kept.

    `scopes` are words of services.permissions; none: all that the person's role may do.
    """

    __tablename__ = "token"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16), default="command-line")  # browser, api
    name: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    last_used_from: Mapped[str] = mapped_column(String(64), default="")  # a network address
    agent: Mapped[str] = mapped_column(String(200), default="")  # what the browser says it is

    user: Mapped[User] = relationship(lazy="joined")


class Link(Base):
    """Lets who has it in once: to sign up, or to choose a password. Only its hash is kept."""

    __tablename__ = "link"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), index=True)  # invitation, reset
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(254), index=True)  # whose account it makes, or opens
    role: Mapped[str | None] = mapped_column(String(16))  # of an invitation
    created_by: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class EnrolmentToken(Base):
    """Lets one board register as its person's, once. Only its hash is kept."""

    __tablename__ = "enrolment_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    device_id: Mapped[str | None] = mapped_column(String(32))  # the one that may, or did
