#!lua flags=allow-oom
-- SETTLE: end legs of one destination, or send them back to its queue. Fenced by the lease token: counters can move once
-- only.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [destination, hour, counters' life ms, outcomes ms, dead ms, legs]
--       leg: [leg, token, kind, outcome JSON ('' for back), wait ms, counter ('' for none), remember ms]
--       kind: done | dead | retry (a verdict: wait) | back (no verdict: hand back) | absent (its content is not there)
-- Returns a letter per leg: s(ettled) a(gain) t (stale: lent to somebody else) g(one)
--
-- A server that loads a torn append-only file twice can bring back a queue's entry without the act it belonged to. Such
-- a leg is taken out and nothing is written of it: whoever still has the copy offers it again.
--include ids
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local base = KEYS[1]
local destination, hour, counters_ms, outcomes_ms, dead_ms, legs = unpack(cmsgpack.unpack(ARGV[1]))
local due = base .. ':queue:' .. destination
local leases, letters = due .. ':leases', base .. ':dead:' .. destination
local answers, counts, ended = {}, {}, {}

local function finish(id, act, remember_ms)
  local content, told = base .. ':content:' .. id, base .. ':copy:' .. id
  local state = redis.call('HMGET', act, 'browser', 'server', 'dead', 'held')
  local dead = tonumber(state[3] or 0)
  local kept_ms = outcomes_ms
  if dead > 0 then                              -- a dead letter can be replayed as long as it is kept
    remember_ms = math.max(remember_ms, dead_ms)
    kept_ms = math.max(kept_ms, dead_ms)
  end
  redis.call('HSET', act, 'st', 'done', 'until', string.format('%.0f', now + remember_ms))
  redis.call('PEXPIRE', act, kept_ms)
  redis.call('PEXPIRE', told, kept_ms)
  if dead == 0 and state[4] then
    redis.call('DEL', content)                  -- its copies tell the story from here
  else
    redis.call('PEXPIRE', content, kept_ms)
  end
  if remember_ms > kept_ms then
    local bits = (state[1] and BITS.browser or 0) + (state[2] and BITS.server or 0)
    if bits > 0 then remember(base, id, bits, remember_ms, now) end
  end
end

local ids = {}
for n, leg in ipairs(legs) do ids[n] = leg[1] end
local loans = redis.call('HMGET', leases, unpack(ids))
for n, entry in ipairs(legs) do
  local leg, token, kind, outcome, wait_ms, counter, remember_ms = unpack(entry)
  local id = string.match(leg, '^[^:]+')
  local late = id ~= leg
  local act = base .. ':act:' .. id
  local delivery = late and destination .. ':late' or destination
  local lender, claims = string.match(loans[n] or '', '^([^:]*):(%d+)$')
  if lender ~= token then
    answers[n] = 't'
  elseif redis.call('HEXISTS', act, 'st') == 0 then
    ended[#ended + 1] = leg
    answers[n] = 'g'
  elseif kind == 'absent' then                  -- the claim counts: content that never comes ends as unreadable
    redis.call('ZADD', due, 'XX', now + wait_ms, leg)
    redis.call('HSET', leases, leg, ':' .. claims)
    answers[n] = 'a'
  elseif kind == 'back' then
    redis.call('ZADD', due, 'XX', now + wait_ms, leg)
    redis.call('HSET', leases, leg, ':' .. (claims - 1))
    answers[n] = 'a'
  elseif kind == 'retry' then
    redis.call('ZADD', due, 'XX', now + wait_ms, leg)
    redis.call('HSET', act, 'd:' .. delivery, outcome)
    redis.call('HDEL', leases, leg)
    answers[n] = 'a'
  else
    if kind == 'dead' then
      redis.call('ZADD', letters, now, leg)
      redis.call('PEXPIRE', letters, dead_ms)
      redis.call('HINCRBY', act, 'dead', 1)
    end
    redis.call('HSET', act, 'd:' .. delivery, outcome)
    if counter ~= '' then counts[counter] = (counts[counter] or 0) + 1 end
    local left = redis.call('HINCRBY', act, 'left', -1)
    if late then
      local content = base .. ':content:' .. leg
      if kind == 'dead' then redis.call('PEXPIRE', content, dead_ms) else redis.call('DEL', content) end
    end
    if left <= 0 then finish(id, act, remember_ms) end
    ended[#ended + 1] = leg
    answers[n] = 's'
  end
end
if #ended > 0 then
  redis.call('ZREM', due, unpack(ended))
  redis.call('HDEL', leases, unpack(ended))
end
local counters = base .. ':count:' .. hour
for counter, often in pairs(counts) do redis.call('HINCRBY', counters, counter, often) end
redis.call('PEXPIRE', counters, counters_ms, 'NX')
return table.concat(answers)
