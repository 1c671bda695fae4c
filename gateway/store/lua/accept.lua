#!lua
-- ACCEPT: claim each copy's act and schedule it, in one step, for N copies of one shard.
--
-- KEYS  per copy: act, copies, content, tomb, hold, counters, then the queue of each destination it goes to at once
-- ARGV  copies (N), counters' life ms, then per copy:
--         queues (how many), act id, wire, copy id, sealed copy,
--         hold ms (-1: leaves at once), denied purposes (comma-separated),
--         remember ms, outcomes ms, counter prefix, skips (pairs that follow), then destination, outcome JSON, counter …
-- Returns per copy: accepted | merged | duplicate | late | replay
--
-- There is no state "seen but not scheduled": the write that claims is the write that schedules, and it comes first.
-- Refused as a whole when memory is full (no allow-oom), so that an acknowledgement is never half a promise.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local k, a = 1, 3
local answers = {}

local function deny(act, denied)
  for purpose in string.gmatch(denied, '[^,]+') do redis.call('HSET', act, 'no:' .. purpose, '1') end
end

for n = 1, tonumber(ARGV[1]) do
  local act, copies, content, tomb, hold, counters = KEYS[k], KEYS[k + 1], KEYS[k + 2], KEYS[k + 3], KEYS[k + 4], KEYS[k + 5]
  local queues, id, wire, copy_id, sealed = tonumber(ARGV[a]), ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4]
  local hold_ms, denied, remember_ms, outcomes_ms = tonumber(ARGV[a + 5]), ARGV[a + 6], ARGV[a + 7], ARGV[a + 8]
  local prefix, skips = ARGV[a + 9], tonumber(ARGV[a + 10])
  local answer
  local held = redis.call('HMGET', act, 'st', wire)
  local st, mine = held[1], held[2]
  local grave = redis.call('GET', tomb)

  if st == 'done' and not grave then           -- outside its window: the same id is a new act
    redis.call('DEL', act, copies, content)
    st, mine = false, false
  end
  if grave and not mine then                   -- settled, and its record may be gone already
    mine = string.match(grave, wire .. '=(%x+)')
  end

  if mine == copy_id then
    answer = 'replay'
  elseif mine then
    answer = 'duplicate'
    if st then
      redis.call('HINCRBY', act, 'dup', 1)
      deny(act, denied)
    end
  elseif grave or st == 'out' then
    answer = 'late'
    if grave then redis.call('APPEND', tomb, wire .. '=' .. copy_id .. ' ') end
    if st then
      redis.call('HSET', act, wire, copy_id)
      redis.call('HSET', copies, wire, sealed)
      if st == 'done' then redis.call('PEXPIRE', copies, outcomes_ms) end
      deny(act, denied)
    end
  elseif st == 'open' then
    answer = 'merged'
    redis.call('ZADD', hold, 'XX', 'LT', now, id)
    redis.call('HSET', copies, wire, sealed)
    redis.call('HSET', act, wire, copy_id)
    redis.call('HINCRBY', act, 'v', 1)
  else
    answer = 'accepted'
    if hold_ms >= 0 then
      redis.call('ZADD', hold, now + hold_ms, id)
      redis.call('HSET', copies, wire, sealed)
      redis.call('HSET', act, 'st', 'open', 'v', 1, 'held', 1, wire, copy_id)
    else
      for q = 1, queues do redis.call('ZADD', KEYS[k + 5 + q], 'NX', now, id) end
      redis.call('SET', content, sealed)
      local settled = queues == 0
      redis.call('HSET', act, 'st', settled and 'done' or 'out', 'left', queues, wire, copy_id)
      for s = 1, skips do
        local at = a + 11 + (s - 1) * 3
        redis.call('HSET', act, 'd:' .. ARGV[at], ARGV[at + 1])
        redis.call('HINCRBY', counters, ARGV[at + 2], 1)
      end
      if settled then
        redis.call('SET', tomb, wire .. '=' .. copy_id .. ' ', 'PX', remember_ms)
        redis.call('PEXPIRE', act, outcomes_ms)
        redis.call('PEXPIRE', content, outcomes_ms)
      end
    end
  end

  if answer ~= 'replay' then
    redis.call('HINCRBY', counters, prefix .. answer, 1)
    redis.call('PEXPIRE', counters, ARGV[2], 'NX')
  end
  answers[n] = answer
  k = k + 6 + queues
  a = a + 11 + skips * 3
end
return answers
