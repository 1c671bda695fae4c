"""The proof from outside: acts that we mint, a gateway that is tormented, platforms of our own, and a judge.

Nothing here imports the gateway. It is started as its users start it and spoken to over HTTP, so what is proven is what
the contract promises, whatever the rooms behind it look like.
"""
