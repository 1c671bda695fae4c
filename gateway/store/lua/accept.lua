#!lua
-- ACCEPT: claim each copy's act and schedule it, in one step, for N copies of one shard, each of another act.
--
-- KEYS  the shard's base (`tw:{shard}`): every key below begins with it, so all lie in one slot
-- ARGV  MessagePack [hour, counters' life ms, courses, copies, `site|event` not yet noted, how many of those are kept],
--       then one sealed copy each
--       course: [hold ms (-1: leaves at once), remember ms, outcomes ms, wire, counter prefix of the door,
--                destinations it goes to at once, destinations it is skipped for, the outcome of each of those,
--                counters of what is decided when it is sealed, purposes it denies (comma-separated), its worth]
--       copy:   [course (from 1), act id, copy id, seconds of the event]
-- Returns a letter per copy, see WORDS
--
-- There is no state "seen but not scheduled": what is read is read first, then the queues are filled, then the claims are
-- written. Refused as a whole when memory is full (no allow-oom), so that an acknowledgement is never half a promise.
--include ids
local WORDS = { a = 'accepted', m = 'merged', d = 'duplicate', l = 'late', r = 'replay' }
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local base = KEYS[1]
local hour, counters_ms, courses, copies, names, names_kept = unpack(cmsgpack.unpack(ARGV[1]))
local windows = windows_of(base)
local answers, due, held, counts = {}, {}, {}, {}

local function count(counter) counts[counter] = (counts[counter] or 0) + 1 end

local function schedule(place, score, id)
  local members = due[place] or {}
  due[place] = members
  members[#members + 1] = score
  members[#members + 1] = id
end

for n, copy in ipairs(copies) do               -- 1. what is known of each act
  local course, id, copy_id = courses[copy[1]], copy[2], copy[3]
  local wire = course[4]
  local act = redis.call('HMGET', base .. ':act:' .. id, 'st', wire, 'until')
  local st, mine, ends = act[1], act[2], act[3]
  if st == 'done' and ends and tonumber(ends) <= now then  -- outside its window: the same id is a new act
    held[n] = 'old'
    st, mine = false, false
  end
  local answer
  if mine == copy_id then
    answer = 'r'
  elseif mine then
    answer = 'd'
  elseif st == 'open' then
    answer = 'm'
  elseif st then
    answer = 'l'
  else
    answer = 'a'
  end
  if windows[1] and (answer == 'a' or answer == 'l') then
    local bits, bucket, short, told, away = remembered(base, windows, id, course[2], now)
    if bits then
      if away then
        held[n] = 'away'                           -- its record lies on a gateway's disk, and will be back
      elseif answer == 'a' then
        held[n] = 'gone'                           -- settled, and its record is no more
      end
      answer = 'l'
      if bits % (BITS[wire] * 2) >= BITS[wire] then
        answer = 'd'
      elseif not away then
        redis.call('HSET', bucket, short, told + BITS[wire])
      end
    end
  end
  answers[n] = answer
  if answer == 'a' then
    if course[1] >= 0 then
      schedule(base .. ':hold', now + course[1], id)
    else
      for _, destination in ipairs(course[6]) do schedule(base .. ':queue:' .. destination, now, id) end
    end
  end
end

for place, members in pairs(due) do            -- 2. the work
  for first = 1, #members, 4000 do
    redis.call('ZADD', place, 'NX', unpack(members, first, math.min(first + 3999, #members)))
  end
end

for n, copy in ipairs(copies) do               -- 3. the claims
  local course, id, copy_id = courses[copy[1]], copy[2], copy[3]
  local hold_ms, remember_ms, outcomes_ms, wire = course[1], course[2], course[3], course[4]
  local act, answer, sealed = base .. ':act:' .. id, answers[n], ARGV[n + 1]
  local told = base .. ':copy:' .. id
  if answer == 'a' then
    if held[n] == 'old' then redis.call('DEL', act, told, base .. ':content:' .. id) end
    if hold_ms >= 0 then
      redis.call('HSET', told, wire, sealed)
      redis.call('HSET', act, 'st', 'open', 'v', 1, 'held', 1, wire, copy_id, 'at', copy[4], 'worth', course[11])
    else
      local queues, skipped = #course[6], course[7]
      local fields = { 'st', 'out', 'left', queues, wire, copy_id, 'at', copy[4], 'worth', course[11] }
      for s, destination in ipairs(skipped) do
        fields[#fields + 1] = 'd:' .. destination
        fields[#fields + 1] = string.format('{"outcome":"%s","at_ms":%.0f}', course[8][s], now)
      end
      for _, counter in ipairs(course[9]) do count(counter) end
      redis.call('SET', base .. ':content:' .. id, sealed)
      if queues > 0 then
        redis.call('HSET', act, unpack(fields))
      else
        fields[2] = 'done'
        redis.call('HSET', act, 'until', string.format('%.0f', now + remember_ms), unpack(fields))
        redis.call('PEXPIRE', act, outcomes_ms)
        redis.call('PEXPIRE', base .. ':content:' .. id, outcomes_ms)
        if remember_ms > outcomes_ms then remember(base, id, BITS[wire], remember_ms, now) end
      end
    end
  elseif answer == 'm' then
    redis.call('ZADD', base .. ':hold', 'XX', 'LT', now, id)
    redis.call('HSET', told, wire, sealed)
    redis.call('HSET', act, wire, copy_id)
    redis.call('HINCRBY', act, 'v', 1)
  elseif answer ~= 'r' and not held[n] then
    if answer == 'd' then
      redis.call('HINCRBY', act, 'dup', 1)
    else
      redis.call('HSET', act, wire, copy_id)
      redis.call('HSET', told, wire, sealed)
      local left_ms = redis.call('PTTL', act)
      if left_ms > 0 then redis.call('PEXPIRE', told, left_ms) end
    end
    for purpose in string.gmatch(course[10], '[^,]+') do redis.call('HSET', act, 'no:' .. purpose, '1') end
  elseif held[n] == 'away' and (answer == 'l' or course[10] ~= '') then
    -- What comes meanwhile waits where the act will stand again, without a status of its own.
    if answer == 'l' then
      redis.call('HSET', act, wire, copy_id)
      redis.call('HSET', told, wire, sealed)
      redis.call('PEXPIRE', told, AWAY_MS)
    end
    for purpose in string.gmatch(course[10], '[^,]+') do redis.call('HSET', act, 'no:' .. purpose, '1') end
    redis.call('PEXPIRE', act, AWAY_MS)
  end
  if answer ~= 'r' then count(course[5] .. WORDS[answer]) end
end

for _, name in ipairs(names) do redis.call('ZADD', base .. ':events', now, name) end
if names[1] then
  redis.call('ZREMRANGEBYRANK', base .. ':events', 0, -names_kept - 1)
  redis.call('PEXPIRE', base .. ':events', counters_ms)
end
local counters = base .. ':count:' .. hour
for counter, often in pairs(counts) do redis.call('HINCRBY', counters, counter, often) end
redis.call('PEXPIRE', counters, counters_ms, 'NX')
return table.concat(answers)
