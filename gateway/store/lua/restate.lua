#!lua
-- RESTATE: send an act once more, with what its late copy added, to the platforms that take restatements.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [act id, destinations, hour, counters' life ms, counters], sealed content
-- Returns queued | already
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local base = KEYS[1]
local id, going, hour, counters_ms, counters = unpack(cmsgpack.unpack(ARGV[1]))
local act, leg = base .. ':act:' .. id, id .. ':late'
if redis.call('EXISTS', base .. ':content:' .. leg) == 1 then return 'already' end
if redis.call('HEXISTS', act, 'st') == 0 then return 'already' end  -- it lies on a disk, and its first leg will tell all
for _, destination in ipairs(going) do
  redis.call('ZADD', base .. ':queue:' .. destination, 'NX', now, leg)
  redis.call('HSET', act, 'd:' .. destination .. ':late', string.format('{"outcome":"waiting","at_ms":%.0f}', now))
end
redis.call('SET', base .. ':content:' .. leg, ARGV[2])
redis.call('HSET', act, 'st', 'out')
redis.call('HINCRBY', act, 'left', #going)
redis.call('PERSIST', act)
redis.call('PERSIST', base .. ':copy:' .. id)
for _, counter in ipairs(counters) do redis.call('HINCRBY', base .. ':count:' .. hour, counter, 1) end
redis.call('PEXPIRE', base .. ':count:' .. hour, counters_ms, 'NX')
return 'queued'
