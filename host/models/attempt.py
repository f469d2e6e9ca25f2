"""Counters behind the rate limits, in the database because several workers share them."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from host.models.base import Base


class Attempt(Base):
    """How often something was tried in the window that ends at `ends_at`."""

    __tablename__ = "attempt"

    bucket: Mapped[str] = mapped_column(String(320), primary_key=True)
    count: Mapped[int]
    ends_at: Mapped[datetime]
