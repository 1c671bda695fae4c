#!lua flags=allow-oom
-- COMMIT: freeze the merged content and put the act into every destination's queue, if no copy came meanwhile.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [act id, copies merged (v), remember ms, outcomes ms, hour, counters' life ms, destinations,
--       destinations it is skipped for, the outcome of each of those, counters, seconds of the event, its worth,
--       wires whose copies a veto replaces], sealed content, then a sealed veto a wire
-- Returns sealed | changed (merge again) | already
--include counts
--include ids
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local base = KEYS[1]
local id, merged, remember_ms, outcomes_ms, hour, counters_ms, going, skipped, words, counters, at, worth, vetoed =
  unpack(cmsgpack.unpack(ARGV[1]))
local act, told, hold = base .. ':act:' .. id, base .. ':copy:' .. id, base .. ':hold'
local state = redis.call('HMGET', act, 'st', 'v', 'browser', 'server')

local function leave_hold()
  redis.call('ZREM', hold, id)
  redis.call('HDEL', hold .. ':leases', id)
end

if state[1] ~= 'open' then
  leave_hold()
  return 'already'
end
if state[2] ~= merged then
  redis.call('ZADD', hold, 'XX', now, id)
  return 'changed'
end

for _, destination in ipairs(going) do redis.call('ZADD', base .. ':queue:' .. destination, 'NX', now, id) end
for n, wire in ipairs(vetoed) do redis.call('HSET', told, wire, ARGV[n + 2]) end
local fields = { 'left', #going, 'at', at, 'worth', worth }
for s, destination in ipairs(skipped) do
  fields[#fields + 1] = 'd:' .. destination
  fields[#fields + 1] = string.format('{"outcome":"%s","at_ms":%.0f}', words[s], now)
end
if #going > 0 then
  redis.call('SET', base .. ':content:' .. id, ARGV[2])
  redis.call('HSET', act, 'st', 'out', unpack(fields))
else
  redis.call('HSET', act, 'st', 'done', 'until', string.format('%.0f', now + remember_ms), unpack(fields))
  redis.call('PEXPIRE', act, outcomes_ms)
  redis.call('PEXPIRE', told, outcomes_ms)     -- its copies tell the story from here
  if remember_ms > outcomes_ms then
    local bits = (state[3] and BITS.browser or 0) + (state[4] and BITS.server or 0)
    remember(base, id, bits, remember_ms, now)
  end
end
local counts = {}
for _, counter in ipairs(counters) do counts[counter] = (counts[counter] or 0) + 1 end
add_up(base .. ':count:' .. hour, counts, counters_ms)
leave_hold()
return 'sealed'
