"""One file a platform: it says an Event in the platform's words and rules on the platform's answers.

Nothing else enters: no clock, no dice, no socket, no log. `echo.py` is the smallest; `README.md` writes one in an hour.
"""
