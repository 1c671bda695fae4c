"""What waits longer than a minute: kept small in Redis, and beyond a budget kept on our own disk until it can leave.

Off the hot path: a task of the delivering process does all of it, in small steps that can each run twice.
"""
