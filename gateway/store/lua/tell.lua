#!lua flags=allow-oom
-- TELL: write what a platform said of a request, and ask again later or never. Fenced by the lease's token.
--
-- KEYS  receipts, receipt, told (counts of the day)
-- ARGV  name of the receipt, token, ms until the next question (-1: that was the last), life of the counts ms,
--       fields (N), then N pairs of field and value, then pairs of code and how many events
-- Returns 1, or 0 when it was lent to somebody else meanwhile
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local fields = tonumber(ARGV[5])
-- One that has run out stays gone: a hash made anew would have no lifetime.
if redis.call('EXISTS', KEYS[2]) == 1 then
  for a = 6, 4 + fields * 2, 2 do redis.call('HSET', KEYS[2], ARGV[a], ARGV[a + 1]) end
  if ARGV[3] == '-1' then redis.call('HDEL', KEYS[2], 'legs') end
end
for a = 6 + fields * 2, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[3], ARGV[a], ARGV[a + 1])
  redis.call('PEXPIRE', KEYS[3], ARGV[4], 'NX')
end
if ARGV[3] == '-1' then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[3]), ARGV[1])
end
return 1
