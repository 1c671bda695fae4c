"""What the store may say instead of an answer."""

from __future__ import annotations


class Unavailable(Exception):
    """Redis did not answer within its deadline, or refused the write; nothing was promised to anybody."""


class Corrupt(Exception):
    """Stored bytes that are not what was written: the checksum is wrong, or nothing we know."""
