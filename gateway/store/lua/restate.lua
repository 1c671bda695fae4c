#!lua
-- RESTATE: send an act once more, with what its late copy added, to the platforms that take restatements.
--
-- KEYS  act, content of the late leg, copies, then the queue of each destination
-- ARGV  late leg, sealed content, outcome JSON, then the delivery (field of the act) of each queue
-- Returns queued | already
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('EXISTS', KEYS[2]) == 1 then return 'already' end
for i = 4, #KEYS do
  redis.call('ZADD', KEYS[i], 'NX', now, ARGV[1])
  redis.call('HSET', KEYS[1], 'd:' .. ARGV[i], ARGV[3])
end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('HSET', KEYS[1], 'st', 'out')
redis.call('HINCRBY', KEYS[1], 'left', #KEYS - 3)
redis.call('PERSIST', KEYS[1])
redis.call('PERSIST', KEYS[3])
return 'queued'
