#!lua flags=allow-oom
-- LOOK: lend the receipt that is due first, to one process, until a deadline. The new score is the lease's token.
--
-- KEYS  receipts
-- ARGV  lease ms, life of the receipts ms
-- Returns [ms until the next receipt is due (-1: there is none)] or [0, receipt, token]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if not first[1] then return { -1 } end
if tonumber(first[2]) > now then return { math.floor(tonumber(first[2]) - now) } end
-- The microseconds of the moment tell two leases of one millisecond apart; a score can hold no finer fraction.
local token = string.format('%.0f.%03d', now + tonumber(ARGV[1]), t[2] % 1000)
redis.call('ZADD', KEYS[1], 'XX', token, first[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { 0, first[1], redis.call('ZSCORE', KEYS[1], first[1]) }
