#!lua flags=allow-oom
-- SETTLE: end legs of one destination, or send them back to its queue. Fenced by the lease token: counters can move once
-- only.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [destination, hour, counters' life ms, outcomes ms, dead ms, rulings, how many legs],
--       a row a leg: its ruling (from 1, two bytes) and its id behind its length
--       ruling: [token, kind, outcome JSON ('' for back), wait ms, counter ('' for none), remember ms]
--       kind: done | dead | retry (a verdict: wait) | back (no verdict: hand back) | absent (its content is not there)
-- Returns a letter per leg: s(ettled) a(gain) t (stale: lent to somebody else) g(one)
--
-- A server that loads a torn append-only file twice can bring back a queue's entry without the act it belonged to. Such
-- a leg is taken out and nothing is written of it: whoever still has the copy offers it again.
--include counts
local function windows()                       -- what few legs need, made where one does
--include ids
  return remember, BITS
end
local remember, BITS
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local base = KEYS[1]
local destination, hour, counters_ms, outcomes_ms, dead_ms, rulings, legs = unpack(cmsgpack.unpack(ARGV[1]))
local rows = { struct.unpack('>' .. string.rep('HBc0', legs), ARGV[2]) }
local due = base .. ':queue:' .. destination
local leases, letters = due .. ':leases', base .. ':dead:' .. destination
local answers, counts, ended = {}, {}, {}

-- A command spells a number anew each time, which takes as long as setting a field: each is spelled once here.
local spelled = {}
local function spell(number)
  local text = spelled[number]
  if not text then
    text = string.format('%.0f', number)
    spelled[number] = text
  end
  return text
end

local function finish(id, act, fields, remember_ms, dead, browser, server, held)
  local content = base .. ':content:' .. id
  local kept_ms = outcomes_ms
  if dead > 0 then                              -- a dead letter can be replayed as long as it is kept
    remember_ms = math.max(remember_ms, dead_ms)
    kept_ms = math.max(kept_ms, dead_ms)
  end
  local kept, last = spell(kept_ms), #fields
  fields[last + 1], fields[last + 2], fields[last + 3], fields[last + 4] = 'st', 'done', 'until', spell(now + remember_ms)
  redis.call('HSET', act, unpack(fields))
  redis.call('PEXPIRE', act, kept)
  -- An act that waited for nobody has copies beside its content once its other wire has told of it, too late.
  if held or (browser and server) then redis.call('PEXPIRE', base .. ':copy:' .. id, kept) end
  if held and dead == 0 then
    redis.call('DEL', content)                  -- its copies tell the story from here
  else
    redis.call('PEXPIRE', content, kept)
  end
  if remember_ms > kept_ms then
    if not remember then remember, BITS = windows() end
    local bits = (browser and BITS.browser or 0) + (server and BITS.server or 0)
    if bits > 0 then remember(base, id, bits, remember_ms, now) end
  end
end

local function done(id, act, field, ruling, leg, state)
  local kind, counter = ruling[2], ruling[5]
  local _, left, dead, browser, server, held = unpack(state, 1, 6)
  local fields = { field, ruling[3], 'left', spell((left or 0) - 1) }
  dead = tonumber(dead or 0)
  if kind == 'dead' then
    redis.call('ZADD', letters, spell(now), leg)
    redis.call('PEXPIRE', letters, spell(dead_ms))
    dead = dead + 1
    fields[5], fields[6] = 'dead', spell(dead)
  end
  if counter ~= '' then counts[counter] = (counts[counter] or 0) + 1 end
  if leg ~= id then
    local content = base .. ':content:' .. leg
    if kind == 'dead' then redis.call('PEXPIRE', content, spell(dead_ms)) else redis.call('DEL', content) end
  end
  if (left or 0) - 1 <= 0 then
    finish(id, act, fields, ruling[6], dead, browser, server, held)
  else
    redis.call('HSET', act, unpack(fields))
  end
end

local ids = {}
for n = 1, legs do ids[n] = rows[n * 2] end
for _, ruling in ipairs(rulings) do ruling.fence = ruling[1] .. ':' end
local loans = redis.call('HMGET', leases, unpack(ids))
local acts, plain, late = base .. ':act:', 'd:' .. destination, 'd:' .. destination .. ':late'
for n, leg in ipairs(ids) do
  local ruling = rulings[rows[n * 2 - 1]]
  local kind, wait_ms = ruling[2], ruling[4]
  local colon = string.find(leg, ':', 1, true)
  local id = colon and string.sub(leg, 1, colon - 1) or leg
  local act, field = acts .. id, colon and late or plain
  local loan = loans[n] or ''
  local is_ours = string.sub(loan, 1, #ruling.fence) == ruling.fence
  local state = redis.call('HMGET', act, 'st', 'left', 'dead', 'browser', 'server', 'held')
  if not is_ours then
    answers[n] = 't'
  elseif not state[1] then
    ended[#ended + 1] = leg
    answers[n] = 'g'
  elseif kind == 'absent' then                  -- the claim counts: content that never comes ends as unreadable
    redis.call('ZADD', due, 'XX', spell(now + wait_ms), leg)
    redis.call('HSET', leases, leg, string.match(loan, ':%d+$'))
    answers[n] = 'a'
  elseif kind == 'back' then
    redis.call('ZADD', due, 'XX', spell(now + wait_ms), leg)
    redis.call('HSET', leases, leg, ':' .. (string.match(loan, '%d+$') - 1))
    answers[n] = 'a'
  elseif kind == 'retry' then
    redis.call('ZADD', due, 'XX', spell(now + wait_ms), leg)
    redis.call('HSET', act, field, ruling[3])
    redis.call('HDEL', leases, leg)
    answers[n] = 'a'
  else
    done(id, act, field, ruling, leg, state)
    ended[#ended + 1] = leg
    answers[n] = 's'
  end
end
if #ended > 0 then
  redis.call('ZREM', due, unpack(ended))
  redis.call('HDEL', leases, unpack(ended))
end
add_up(base .. ':count:' .. hour, counts, counters_ms)
return table.concat(answers)
