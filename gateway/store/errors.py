"""What the store may say instead of an answer."""

from __future__ import annotations


class Unavailable(Exception):
    """Redis did not answer within its deadline, or refused the write; nothing was promised to anybody."""


class Cut(Unavailable):
    """The connection broke under the question: it may have been carried out, and Redis may be there."""


class Broken(Unavailable):
    """A key holds something of another type than it should: nothing was destroyed, and a person has to look."""


class Unreplicated(Unavailable):
    """Redis has it, and no replica said so in time."""


class Corrupt(Exception):
    """Stored bytes that are not what was written: the checksum is wrong, or nothing we know."""
