#!lua flags=allow-oom
-- SWEEP: make due what stands in a place for a moment further off than anything is ever put off. A clock that once ran
-- ahead leaves such scores behind; without this they would wait until the true time has caught up.
--
-- KEYS  the shard's base
-- ARGV  place (`hold`, or `queue:` and the destination), ms that something may be put off
-- Returns how many were made due
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due = KEYS[1] .. ':' .. ARGV[1]
local ids = redis.call('ZRANGEBYSCORE', due, string.format('(%.0f', now + tonumber(ARGV[2])), '+inf', 'LIMIT', 0, 1000)
for _, id in ipairs(ids) do redis.call('ZADD', due, 'XX', now, id) end
return #ids
