#!lua flags=allow-oom
-- AGAIN: put a delivered leg back into its queue, because the platform said later that it could not use it yet.
--
-- KEYS  act, content of the act, content of the leg, copies, due, counters
-- ARGV  leg, delivery (field of the act), late delivery ('' when this is it), receipt and place, outcome JSON,
--       wait ms, how often at most, content ('': what is there has to do),
--       counter of what is owed, counters' life ms
-- Returns again | gone (no such act) | newer (another copy or another request has the last word) | waiting (it is in
--         its queue) | enough | lost (its content is no longer kept)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local act, leg, delivery = KEYS[1], ARGV[1], ARGV[2]
if redis.call('HEXISTS', act, 'st') == 0 then return 'gone' end
if redis.call('ZSCORE', KEYS[5], leg) then return 'waiting' end
if redis.call('HGET', act, 'r:' .. delivery) ~= ARGV[4] then return 'newer' end
-- A restatement says what the act is worth now; repeating the first word after it would take that back.
if ARGV[3] ~= '' and redis.call('HEXISTS', act, 'd:' .. ARGV[3]) == 1 then return 'newer' end
if tonumber(redis.call('HGET', act, 'again:' .. delivery) or '0') >= tonumber(ARGV[7]) then return 'enough' end
if redis.call('EXISTS', KEYS[3]) == 0 then
  if ARGV[8] == '' then return 'lost' end
  redis.call('SET', KEYS[3], ARGV[8])
end
redis.call('ZADD', KEYS[5], 'NX', now + tonumber(ARGV[6]), leg)
redis.call('HSET', act, 'st', 'out', 'd:' .. delivery, ARGV[5])
redis.call('HINCRBY', act, 'again:' .. delivery, 1)
redis.call('HINCRBY', act, 'left', 1)
for i = 1, 4 do redis.call('PERSIST', KEYS[i]) end
redis.call('HINCRBY', KEYS[6], ARGV[9], 1)
redis.call('PEXPIRE', KEYS[6], ARGV[10], 'NX')
return 'again'
