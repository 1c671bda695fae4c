"""The spool: a copy that Redis cannot take right now lies here on disk, synced, before anybody is told `accepted`.

`segment` is the format, pure; `writer` puts records down and knows what is owed; `folders` finds what dead processes
left behind; `replayer` hands everything to Redis when it answers again, under the copy ids of the door.
Never enters: what a copy means. A record is bytes that the vault sealed, and the id that makes repeating harmless.
"""
