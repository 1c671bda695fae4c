#!lua flags=allow-oom
-- RENEW: keep a lease while its batch is being sent or bisected.
--
-- KEYS  due, leases
-- ARGV  token, lease ms, id, id, …
-- Returns how many were still ours
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local kept = 0
for i = 3, #ARGV do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[1] then
    redis.call('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[2]), ARGV[i])
    kept = kept + 1
  end
end
return kept
