"""Groups of people: what belongs to a group is each member's."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from host.models.base import Base
from host.models.user import User


class Group(Base):
    """People who have devices together."""

    __tablename__ = "group"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]

    members: Mapped[list[User]] = relationship(secondary="membership", order_by=User.email)


class Membership(Base):
    """One person in one group."""

    __tablename__ = "membership"

    group_id: Mapped[int] = mapped_column(
        ForeignKey("group.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True
    )
