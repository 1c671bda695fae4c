"""The command line: one file a command or two, each a few steps that a person asked for.

Why a room: whoever types a command gets plain words and an exit code, never a traceback. 0 is done, 1 says that the
thing asked about is bad, 2 that the question was (wrong use, unreadable input, nobody there to answer).
Never enters: a decision of the gateway's. `send`, `tail`, `explain` and `dead` ask the running one like anybody else.
"""
