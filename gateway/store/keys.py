"""Every key of the store: one function each, with its type and its lifetime. No key is spelled anywhere else.

Everything that one script touches carries the same hash tag `{shard}`, so that it lies in one slot of a cluster.
An act's keys have no lifetime while work is not done; settling gives them one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zlib import crc32

PREFIX: Final = "tw"
# Written at the first start and read ever after: moving acts between shards would split twins. One server runs one
# script after the other anyway, so more shards only make smaller batches: with four it took 1.3 times the CPU a hit.
# Twelve spread evenly over two, three, four and six masters.
SHARDS: Final = 1
CLUSTER_SHARDS: Final = 12
HOUR_MS: Final = 3_600_000

# Counters outlive the longest comparison a page offers (last month against the month before).
COUNTERS_MS: Final = 70 * 86_400_000
# Shorter, so that a book never outlives the counters that it goes on from.
BOOK_MS: Final = 69 * 86_400_000
# What happened lately, for the live page: a stream cut to about this many entries, gone after a day of silence.
LIVE_ENTRIES: Final = 2_000
LIVE_MS: Final = 86_400_000

# Longer than any platform is asked about one request, and than the longest stop that anybody plans.
RECEIPTS_MS: Final = 7 * 86_400_000
# What platforms said later is summed over a week.
TOLD_MS: Final = 8 * 86_400_000

# Longer than anything of a destination that left is worth looking at.
DESTINATIONS_MS: Final = 100 * 86_400_000

# Names of events that acts are looked up by; what a site uses every day stays among the newest of them.
EVENT_NAMES: Final = 5_000

LATE: Final = "late"


def shard_of(act: str, shards: int) -> int:
    return crc32(act.encode()) % shards


def base(shard: int) -> str:
    """What every key of one shard begins with; the scripts are told this and spell the rest as it stands below."""
    return f"{PREFIX}:{{{shard}}}"


def meta() -> str:
    """hash, for ever: the number of shards, and an epoch that tells this data set from an emptied one."""
    return f"{PREFIX}:meta"


def epoch(shard: int) -> str:
    """hash, for ever, in a cluster: the epoch of the master that has this shard."""
    return f"{PREFIX}:{{{shard}}}:epoch"


def act(shard: int, act_id: str) -> str:
    """hash, `outcomes_d` once settled: how it stands, and what became of each delivery.

    st (open, out, done), v (copies merged), held, left (legs out), dead, dup, at (s), worth, until (ms: end of its
    window), a copy id a wire, no:<purpose>, d:<delivery>.
    """
    return f"{base(shard)}:act:{act_id}"


def copies(shard: int, act_id: str) -> str:
    """hash: wire -> sealed copy. Lives as the act does."""
    return f"{base(shard)}:copy:{act_id}"


def content(shard: int, leg: str) -> str:
    """string: what leaves, frozen. `leg` is the act's id, with `:late` for a restatement. Lives as the act does."""
    return f"{base(shard)}:content:{leg}"


def ids(shard: int) -> str:
    """hash: window -> what its buckets hold of settled acts' ids (`lua/ids.lua`). Lives until the last of them goes."""
    return f"{base(shard)}:ids"


def counters(shard: int, hour: int) -> str:
    """hash: what was counted in one hour since 1970 -> how often. Lives `COUNTERS_MS`."""
    return f"{base(shard)}:count:{hour}"


def book(shard: int) -> str:
    """hash: what hours that are over left in each place, as a sum (`lua/books.lua`). Lives `BOOK_MS`, renewed."""
    return f"{base(shard)}:book"


def dead(shard: int, destination: str) -> str:
    """zset: leg -> when it died. Lives `dead_d` after the last one."""
    return f"{base(shard)}:dead:{destination}"


def samples(shard: int, destination: str) -> str:
    """zset: leg -> when its request and response were kept. Lives `outcomes_d` after the last one."""
    return f"{base(shard)}:samples:{destination}"


def sample(shard: int, act_id: str) -> str:
    """hash: delivery -> masked request and response. Lives `outcomes_d`."""
    return f"{base(shard)}:sample:{act_id}"


def name(digest: str) -> str:
    """string: an id of a purchase -> its act. Lives as long as orders are known."""
    return f"{PREFIX}:name:{digest}"


def event_names(shard: int) -> str:
    """zset: `site|event` -> the day it was last noted on (ms). Trimmed to `EVENT_NAMES`; lives as long as counters."""
    return f"{base(shard)}:events"


def state(destination: str) -> str:
    """hash: what the destination's worker says of itself. Lives a week after it last spoke."""
    return f"{PREFIX}:state:{destination}"


def destinations() -> str:
    """zset: destination -> when it was last configured (ms). Lives 100 days after a gateway last looked."""
    return f"{PREFIX}:destinations"


def parked(shard: int) -> str:
    """hash: destination -> how many of its legs lie on gateways' disks. Lives 100 days after one was last put there."""
    return f"{base(shard)}:parked"


def rate(budget: str) -> str:
    """string: when the next call of this budget may go, in microseconds. Lives until that moment has passed."""
    return f"{PREFIX}:{{rate:{budget}}}"


def receipts(destination: str) -> str:
    """zset: receipt -> the next moment to ask about it. Lives `RECEIPTS_MS` after it was last touched."""
    return f"{PREFIX}:{{follow:{destination}}}:receipts"


def receipt(destination: str, name: str) -> str:
    """hash: when a request was taken, the legs in it while it is followed, and what was said. Lives `outcomes_d`."""
    return f"{PREFIX}:{{follow:{destination}}}:receipt:{name}"


def told(destination: str, day: int) -> str:
    """hash: what a platform said later, on one day since 1970 -> of how many events. Lives `TOLD_MS`."""
    return f"{PREFIX}:{{follow:{destination}}}:told:{day}"


def live() -> str:
    """stream of what happened lately; see `LIVE_ENTRIES`."""
    return f"{PREFIX}:live"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue is a ZSET whose score is the next moment an id may be touched; beside it the leases.

    Two keys: zset leg -> ms, hash leg -> `<lease token>:<claims without a verdict>`. No lifetime: every member is work
    not yet done, and an empty key does not exist.
    """

    shard: int
    name: str

    @property
    def due(self) -> str:
        return f"{base(self.shard)}:{self.name}"

    @property
    def leases(self) -> str:
        return f"{self.due}:leases"


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
