"""The way to the servers: connections of our own, and which server a key belongs to.

No key and no script is named here.
"""
