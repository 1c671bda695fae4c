#!lua flags=allow-oom
-- PACE: give one call of a shared budget its moment, so that all processes together stay below the limit.
--
-- KEYS  rate (microseconds since 1970 when the next call may go)
-- ARGV  microseconds between two calls, microseconds of calls that may go at once, longest wait in microseconds
-- Returns [1 (the moment is ours) | 0 (too far away: ask again), ms until it]
--
-- The generic cell rate algorithm: one number is the whole bucket. A moment is given once and in order, so nobody asks
-- in a loop and nobody is overtaken.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local gap, burst, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local next_free = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local wait = math.max(0, next_free + gap - burst - now)
if wait > longest then return { 0, math.ceil((wait - longest) / 1000) } end
-- %.0f: Lua writes a large number with an exponent and loses its end.
redis.call('SET', KEYS[1], string.format('%.0f', next_free + gap), 'PX', math.ceil((next_free + gap - now) / 1000) + 1000)
return { 1, math.ceil(wait / 1000) }
