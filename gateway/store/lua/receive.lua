#!lua flags=allow-oom
-- RECEIVE: keep the receipt of a request that a platform will judge later, and plan the first question about it.
--
-- KEYS  receipts, receipt
-- ARGV  name of the receipt, ms until the first question, life of the receipt ms, life of the receipts ms,
--       then its fields: name, value …
-- Returns 1
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], 'NX', now + tonumber(ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
for a = 5, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[a], ARGV[a + 1]) end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
