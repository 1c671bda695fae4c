#!lua flags=allow-oom
-- REVIVE: put a dead letter back into its queue.
--
-- KEYS  the shard's base
-- ARGV  leg, destination, hour, counters' life ms, counter
-- Returns revived | gone (no such dead letter) | lost (its content is no longer kept)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local base, leg, destination = KEYS[1], ARGV[1], ARGV[2]
local id = string.match(leg, '^[^:]+')
local delivery = id == leg and destination or destination .. ':late'
local act, letters = base .. ':act:' .. id, base .. ':dead:' .. destination
if not redis.call('ZSCORE', letters, leg) then return 'gone' end
if redis.call('EXISTS', base .. ':content:' .. leg) == 0 or redis.call('EXISTS', act) == 0 then return 'lost' end
redis.call('ZADD', base .. ':queue:' .. destination, 'NX', now, leg)
redis.call('HSET', act, 'st', 'out', 'd:' .. delivery, string.format('{"outcome":"waiting","reason":"replayed","at_ms":%.0f}', now))
redis.call('HINCRBY', act, 'left', 1)
redis.call('HINCRBY', act, 'dead', -1)
redis.call('PERSIST', act)
redis.call('PERSIST', base .. ':content:' .. id)
redis.call('PERSIST', base .. ':content:' .. leg)
redis.call('PERSIST', base .. ':copy:' .. id)
redis.call('HINCRBY', base .. ':count:' .. ARGV[3], ARGV[5], 1)
redis.call('PEXPIRE', base .. ':count:' .. ARGV[3], ARGV[4], 'NX')
redis.call('ZREM', letters, leg)
return 'revived'
