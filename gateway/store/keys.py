"""Every key of the store: one function each, with its type and its lifetime. No key is spelled anywhere else.

Everything that one script touches carries the same hash tag `{shard}`, so that it lies in one slot of a cluster.
An act's keys have no lifetime while work is not done; settling gives them one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zlib import crc32

PREFIX: Final = "tw"
# Written at the first start and read ever after: moving acts between shards would split twins.
SHARDS: Final = 4
HOUR_MS: Final = 3_600_000

# Counters outlive the longest comparison a page offers (last month against the month before).
COUNTERS_MS: Final = 70 * 86_400_000
# What happened lately, for the live page: a stream cut to about this many entries, gone after a day of silence.
LIVE_ENTRIES: Final = 2_000
LIVE_MS: Final = 86_400_000

LATE: Final = "late"


def shard_of(act: str, shards: int) -> int:
    return crc32(act.encode()) % shards


def meta() -> str:
    """hash, for ever: the number of shards, and an epoch that tells this data set from an emptied one."""
    return f"{PREFIX}:meta"


def act(shard: int, act_id: str) -> str:
    """hash, `outcomes_d` once settled: st, v, held, left, dead, dup, a copy id a wire, no:<purpose>, d:<delivery>."""
    return f"{PREFIX}:{{{shard}}}:act:{act_id}"


def copies(shard: int, act_id: str) -> str:
    """hash: wire -> sealed copy. Lives as the act does."""
    return f"{PREFIX}:{{{shard}}}:copy:{act_id}"


def content(shard: int, leg: str) -> str:
    """string: what leaves, frozen. `leg` is the act's id, with `:late` for a restatement. Lives as the act does."""
    return f"{PREFIX}:{{{shard}}}:content:{leg}"


def tomb(shard: int, act_id: str) -> str:
    """string: the wires and copy ids a settled act has taken. Lives the dedup window; with an order, `orders_d`."""
    return f"{PREFIX}:{{{shard}}}:tomb:{act_id}"


def counters(shard: int, hour: int) -> str:
    """hash: what was counted in one hour since 1970 -> how often. Lives `COUNTERS_MS`."""
    return f"{PREFIX}:{{{shard}}}:count:{hour}"


def dead(shard: int, destination: str) -> str:
    """zset: leg -> when it died. Lives `dead_d` after the last one."""
    return f"{PREFIX}:{{{shard}}}:dead:{destination}"


def samples(shard: int, destination: str) -> str:
    """zset: leg -> when its request and response were kept. Lives `outcomes_d` after the last one."""
    return f"{PREFIX}:{{{shard}}}:samples:{destination}"


def sample(shard: int, act_id: str) -> str:
    """hash: delivery -> masked request and response. Lives `outcomes_d`."""
    return f"{PREFIX}:{{{shard}}}:sample:{act_id}"


def name(digest: str) -> str:
    """string: an id of a purchase -> its act. Lives as long as orders are known."""
    return f"{PREFIX}:name:{digest}"


def index(digest: str) -> str:
    """zset: the acts that an event id names -> when. Lives `outcomes_d`."""
    return f"{PREFIX}:index:{digest}"


def state(destination: str) -> str:
    """hash: what the destination's worker says of itself. Lives a week after it last spoke."""
    return f"{PREFIX}:state:{destination}"


def live() -> str:
    """stream of what happened lately; see `LIVE_ENTRIES`."""
    return f"{PREFIX}:live"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue is a ZSET whose score is the next moment an id may be touched; beside it the lease tokens and claims.

    Three keys: zset leg -> ms, hash leg -> lease token, hash leg -> claims without a verdict. No lifetime: every
    member is work not yet done, and an empty key does not exist.
    """

    shard: int
    name: str

    @property
    def due(self) -> str:
        return f"{PREFIX}:{{{self.shard}}}:{self.name}"

    @property
    def leases(self) -> str:
        return f"{self.due}:leases"

    @property
    def claims(self) -> str:
        return f"{self.due}:claims"

    @property
    def keys(self) -> tuple[str, str, str]:
        return (self.due, self.leases, self.claims)


def hold(shard: int) -> Queue:
    """The acts that wait for their other wire."""
    return Queue(shard, "hold")


def queue(shard: int, destination: str) -> Queue:
    """The legs bound for one destination."""
    return Queue(shard, f"queue:{destination}")


def late_leg(act_id: str) -> str:
    return f"{act_id}:{LATE}"


def act_of(leg: str) -> str:
    return leg.partition(":")[0]


def delivery(destination: str, leg: str) -> str:
    """Name the act's field for this leg: a restatement is a second delivery of the same destination."""
    return f"{destination}:{LATE}" if is_late(leg) else destination


def is_late(leg: str) -> bool:
    return leg.endswith(f":{LATE}")
