"""What people and their tools see: the admin listener. It reads the store and never decides.

Nothing of it is ever reachable on the public listener, and nothing readable of a person is ever in it.
"""
