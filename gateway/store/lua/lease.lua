#!lua flags=allow-oom
-- LEASE: lend ids that are due, under a token, until a deadline. A crash needs no detector: the score comes due again.
--
-- KEYS  due, leases, claims
-- ARGV  most ids, lease ms, token
-- Returns [ms until the next id is due (-1: the queue is empty), id, claims, id, claims, …]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
local lent = { -1 }
for i, id in ipairs(ids) do
  redis.call('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[2]), id)
  redis.call('HSET', KEYS[2], id, ARGV[3])
  lent[i * 2] = id
  lent[i * 2 + 1] = redis.call('HINCRBY', KEYS[3], id, 1)
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[2] then lent[1] = math.max(0, tonumber(first[2]) - now) end
return lent
