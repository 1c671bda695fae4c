#!lua flags=allow-oom
-- REVIVE: put a dead letter back into its queue.
--
-- KEYS  act, content of the act, content of the leg, copies, due, dead
-- ARGV  leg, delivery (field of the act), outcome JSON
-- Returns revived | gone (no such dead letter) | lost (its content is no longer kept)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if not redis.call('ZSCORE', KEYS[6], ARGV[1]) then return 'gone' end
if redis.call('EXISTS', KEYS[3]) == 0 or redis.call('EXISTS', KEYS[1]) == 0 then return 'lost' end
redis.call('ZADD', KEYS[5], 'NX', now, ARGV[1])
redis.call('HSET', KEYS[1], 'st', 'out', 'd:' .. ARGV[2], ARGV[3])
redis.call('HINCRBY', KEYS[1], 'left', 1)
redis.call('HINCRBY', KEYS[1], 'dead', -1)
for i = 1, 4 do redis.call('PERSIST', KEYS[i]) end
redis.call('ZREM', KEYS[6], ARGV[1])
return 'revived'
