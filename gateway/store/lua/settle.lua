#!lua flags=allow-oom
-- SETTLE: end a leg, or send it back to its queue. Fenced by the lease token: counters can move once only.
--
-- KEYS  per leg: act, content of the act, content of the leg, copies, tomb, due, leases, claims, dead, counters
-- ARGV  legs (N), counters' life ms, then per leg (11):
--         leg, delivery (field of the act), token,
--         kind: done | dead | retry (a verdict: wait) | back (no verdict: hand back) | absent (its content is not there),
--         outcome JSON ('' for back), wait ms, counter ('' for none),
--         remember ms, outcomes ms, dead ms, late (1 | 0)
-- Returns per leg: settled | again | stale | gone
--
-- A server that loads a torn append-only file twice can bring back a queue's entry without the act it belonged to. Such
-- a leg is taken out and nothing is written of it: whoever still has the copy offers it again.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local answers = {}

local function finish(k, a)
  local act, content, copies, tomb = KEYS[k], KEYS[k + 1], KEYS[k + 3], KEYS[k + 4]
  local state = redis.call('HMGET', act, 'browser', 'server', 'dead', 'held')
  local dead = tonumber(state[3] or 0)
  local grave = ''
  if state[1] then grave = grave .. 'browser=' .. state[1] .. ' ' end
  if state[2] then grave = grave .. 'server=' .. state[2] .. ' ' end
  local remember_ms, outcomes_ms = tonumber(ARGV[a + 7]), tonumber(ARGV[a + 8])
  if dead > 0 then                              -- a dead letter can be replayed as long as it is kept
    remember_ms = math.max(remember_ms, tonumber(ARGV[a + 9]))
    outcomes_ms = math.max(outcomes_ms, tonumber(ARGV[a + 9]))
  end
  redis.call('SET', tomb, grave, 'PX', remember_ms)
  redis.call('HSET', act, 'st', 'done')
  redis.call('PEXPIRE', act, outcomes_ms)
  redis.call('PEXPIRE', copies, outcomes_ms)
  if dead == 0 and state[4] then
    redis.call('DEL', content)                  -- its copies tell the story from here
  else
    redis.call('PEXPIRE', content, outcomes_ms)
  end
end

local k, a = 1, 3
for n = 1, tonumber(ARGV[1]) do
  local act, leg_content, due, leases, claims = KEYS[k], KEYS[k + 2], KEYS[k + 5], KEYS[k + 6], KEYS[k + 7]
  local leg, delivery, token, kind = ARGV[a], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3]
  if redis.call('HGET', leases, leg) ~= token then
    answers[n] = 'stale'
  elseif redis.call('HEXISTS', act, 'st') == 0 then
    redis.call('ZREM', due, leg)
    redis.call('HDEL', leases, leg)
    redis.call('HDEL', claims, leg)
    answers[n] = 'gone'
  elseif kind == 'absent' then                  -- the claim counts: content that never comes ends as unreadable
    redis.call('ZADD', due, 'XX', now + tonumber(ARGV[a + 5]), leg)
    redis.call('HDEL', leases, leg)
    answers[n] = 'again'
  elseif kind == 'back' then
    redis.call('ZADD', due, 'XX', now + tonumber(ARGV[a + 5]), leg)
    redis.call('HDEL', leases, leg)
    redis.call('HINCRBY', claims, leg, -1)
    answers[n] = 'again'
  elseif kind == 'retry' then
    redis.call('ZADD', due, 'XX', now + tonumber(ARGV[a + 5]), leg)
    redis.call('HSET', act, 'd:' .. delivery, ARGV[a + 4])
    redis.call('HDEL', leases, leg)
    redis.call('HDEL', claims, leg)
    answers[n] = 'again'
  else
    if kind == 'dead' then
      redis.call('ZADD', KEYS[k + 8], now, leg)
      redis.call('PEXPIRE', KEYS[k + 8], ARGV[a + 9])
      redis.call('HINCRBY', act, 'dead', 1)
    end
    redis.call('HSET', act, 'd:' .. delivery, ARGV[a + 4])
    if ARGV[a + 6] ~= '' then
      redis.call('HINCRBY', KEYS[k + 9], ARGV[a + 6], 1)
      redis.call('PEXPIRE', KEYS[k + 9], ARGV[2], 'NX')
    end
    local left = redis.call('HINCRBY', act, 'left', -1)
    if ARGV[a + 10] == '1' then
      if kind == 'dead' then redis.call('PEXPIRE', leg_content, ARGV[a + 9]) else redis.call('DEL', leg_content) end
    end
    if left <= 0 then finish(k, a) end
    redis.call('ZREM', due, leg)
    redis.call('HDEL', leases, leg)
    redis.call('HDEL', claims, leg)
    answers[n] = 'settled'
  end
  k = k + 10
  a = a + 11
end
return answers
