"""Tagway: a server-side tagging gateway. The map of the rooms is `docs/architecture.md`."""
