#!lua flags=allow-oom
-- RENEW: keep a lease while its batch is being sent or bisected.
--
-- KEYS  the shard's base
-- ARGV  place, token, lease ms, id, id, …
-- Returns how many were still ours
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due = KEYS[1] .. ':' .. ARGV[1]
local kept = 0
for i = 4, #ARGV do
  local lease = redis.call('HGET', due .. ':leases', ARGV[i])
  if lease and string.match(lease, '^[^:]*') == ARGV[2] then
    redis.call('ZADD', due, 'XX', now + tonumber(ARGV[3]), ARGV[i])
    kept = kept + 1
  end
end
return kept
