"""The way out: what is due is leased, said by an adapter, sent, ruled on and settled.

Here time passes and chance is thrown, so that the core need not. One file opens connections to platforms
(`sender.py`), one fetches the tokens for them (`tokens.py`). Never enters: a hit, a cookie, a platform's vocabulary.
"""
