"""The door on the public side: bytes to a Hit, a decision to bytes. It decides nothing about an event.

Everything a stranger sends ends here in an answer, never in an exception and never in a 5xx that his bytes caused.
Must never enter: a platform, a Redis command, a rule about what an event means.
"""
