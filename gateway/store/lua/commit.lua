#!lua flags=allow-oom
-- COMMIT: freeze the merged content and put the act into every destination's queue, if no copy came meanwhile.
--
-- KEYS  act, copies, content, tomb, hold due, hold leases, hold claims, counters, then the queue of each destination
-- ARGV  act id, copies merged (v), sealed content, remember ms, outcomes ms, counters' life ms,
--       then destination, outcome JSON, counter for each skipped destination
-- Returns sealed | changed (merge again) | already
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local id = ARGV[1]
local state = redis.call('HMGET', KEYS[1], 'st', 'v', 'browser', 'server')

local function leave_hold()
  redis.call('ZREM', KEYS[5], id)
  redis.call('HDEL', KEYS[6], id)
  redis.call('HDEL', KEYS[7], id)
end

if state[1] ~= 'open' then
  leave_hold()
  return 'already'
end
if state[2] ~= ARGV[2] then
  redis.call('ZADD', KEYS[5], 'XX', now, id)
  return 'changed'
end

local queues = #KEYS - 8
for q = 1, queues do redis.call('ZADD', KEYS[8 + q], 'NX', now, id) end
redis.call('SET', KEYS[3], ARGV[3])
redis.call('HSET', KEYS[1], 'st', queues == 0 and 'done' or 'out', 'left', queues)
for s = 7, #ARGV, 3 do
  redis.call('HSET', KEYS[1], 'd:' .. ARGV[s], ARGV[s + 1])
  redis.call('HINCRBY', KEYS[8], ARGV[s + 2], 1)
  redis.call('PEXPIRE', KEYS[8], ARGV[6], 'NX')
end
if queues == 0 then
  local grave = ''
  if state[3] then grave = grave .. 'browser=' .. state[3] .. ' ' end
  if state[4] then grave = grave .. 'server=' .. state[4] .. ' ' end
  redis.call('SET', KEYS[4], grave, 'PX', ARGV[4])
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  redis.call('DEL', KEYS[3])                   -- its copies tell the story from here
end
leave_hold()
return 'sealed'
