#!lua
-- ACCEPT: claim each copy's act and schedule it, in one step, for N copies of one shard, each of another act.
--
-- KEYS  the shard's base (`tw:{shard}`): every key below begins with it, so all lie in one slot
-- ARGV  MessagePack [hour, counters' life ms, courses, `site|event` not yet noted, how many of those are kept],
--       a row a copy: its course (from 1, two bytes), act id, copy id and seconds of the event, each behind its length,
--       then one sealed copy each
--       course: [hold ms (-1: leaves at once), remember ms, outcomes ms, wire, counter prefix of the door,
--                queues it goes to at once (comma-separated), fields of those it is skipped for and how each one's outcome begins,
--                counters of what is decided when it is sealed, purposes it denies (comma-separated), its worth]
-- Returns a letter per copy, see WORDS
--
-- There is no state "seen but not scheduled": what is read is read first, then the queues are filled, then the claims are
-- written. Refused as a whole when memory is full (no allow-oom), so that an acknowledgement is never half a promise.
--
-- Most copies are the first of an act that leaves at once. For them nothing is asked one by one, and a number is spelled
-- once a batch: a command spells it anew each time, which takes as long as setting a field. Their contents are written by
-- one command, unless the server's user may not: an older list of rights does not name it.
--include counts
--include ids
local WORDS = { a = 'accepted', m = 'merged', d = 'duplicate', l = 'late', r = 'replay' }
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local now_text = string.format('%.0f', now)
local base = KEYS[1]
local hour, counters_ms, courses, names, names_kept = unpack(cmsgpack.unpack(ARGV[1]))
local copies = #ARGV - 2
local rows = { struct.unpack('>' .. string.rep('HBc0Bc0Bc0', copies), ARGV[2]) }
local acts, answers, held, due, counts, claimed, contents, packed = {}, {}, {}, {}, {}, {}, {}, {}
local is_packing = copies > 1 and redis.acl_check_cmd('MSET', base, '')

local function row(n) return courses[rows[n * 4 - 3]], rows[n * 4 - 2], rows[n * 4 - 1], rows[n * 4] end

local function count(counter, often) counts[counter] = (counts[counter] or 0) + often end

local function schedule(places, score, id)
  local members = due[places]
  if not members then
    members = { size = 0 }
    due[places] = members
  end
  local size = members.size
  members[size + 1], members[size + 2], members.size = score, id, size + 2
end

for n = 1, copies do acts[n] = base .. ':act:' .. rows[n * 4 - 2] end
local known = redis.call('EXISTS', base .. ':ids', unpack(acts))  -- of the acts, or of any that is settled and gone
local windows = known > 0 and windows_of(base) or {}
if windows[1] then known = known - 1 end

local function answer_to(n)                    -- what is known of its act
  local course, id, copy_id = row(n)
  local wire = course[4]
  local act = known > 0 and redis.call('HMGET', acts[n], 'st', wire, 'until') or {}
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
  return answer
end

for n = 1, copies do                           -- 1. what is known of each act
  local answer = (known > 0 or windows[1]) and answer_to(n) or 'a'
  answers[n] = answer
  if answer == 'a' then
    local course, id = row(n)
    claimed[course] = (claimed[course] or 0) + 1
    if course[1] >= 0 then
      schedule('hold', now + course[1], id)
    else
      if course[6] ~= '' then
        schedule(course[6], now_text, id)
        if is_packing and not held[n] then
          contents[#contents + 1] = base .. ':content:' .. id
          contents[#contents + 1] = ARGV[n + 2]
          packed[n] = true
        end
      end
    end
  end
end

for places, members in pairs(due) do           -- 2. the work
  for place in string.gmatch(places, '[^,]+') do
    redis.call('ZADD', base .. ':' .. place, 'NX', unpack(members, 1, members.size))
  end
end

if contents[1] then redis.call('MSET', unpack(contents)) end

local function fields_of(course)               -- as all of its acts begin; the fourth and the sixth are an act's own
  local skipped, worth = course[7], course[10]
  local _, going = string.gsub(course[6], '[^,]+', '')
  local fields = { 'st', 'out', course[4], '', 'at', '', 'left', string.format('%d', going) }
  if going == 0 then
    fields[2], fields[9], fields[10] = 'done', 'until', string.format('%.0f', now + course[2])
  end
  for s = 1, #skipped, 2 do
    fields[#fields + 1] = skipped[s]
    fields[#fields + 1] = skipped[s + 1] .. now_text .. '}'
  end
  if worth > 0 then
    fields[#fields + 1] = 'worth'
    fields[#fields + 1] = string.format('%d', worth)
  end
  course.fields = fields
  return fields
end

for n = 1, copies do                           -- 3. the claims
  local act, answer, sealed = acts[n], answers[n], ARGV[n + 2]
  local course, id, copy_id, second = row(n)
  local hold_ms, remember_ms, outcomes_ms, wire = course[1], course[2], course[3], course[4]
  if held[n] == 'old' and answer == 'a' then
    redis.call('DEL', act, base .. ':copy:' .. id, base .. ':content:' .. id)
  end
  if answer == 'a' and hold_ms < 0 then
    local fields = course.fields or fields_of(course)
    fields[4], fields[6] = copy_id, second
    if not packed[n] then redis.call('SET', base .. ':content:' .. id, sealed) end
    redis.call('HSET', act, unpack(fields))
    if fields[2] == 'done' then
      redis.call('PEXPIRE', act, outcomes_ms)
      redis.call('PEXPIRE', base .. ':content:' .. id, outcomes_ms)
      if remember_ms > outcomes_ms then remember(base, id, BITS[wire], remember_ms, now) end
    end
  elseif answer == 'a' then
    redis.call('HSET', base .. ':copy:' .. id, wire, sealed)
    redis.call('HSET', act, 'st', 'open', 'v', '1', 'held', '1', wire, copy_id, 'at', second, 'worth', course[10])
  elseif answer == 'm' then
    redis.call('ZADD', base .. ':hold', 'XX', 'LT', now, id)
    redis.call('HSET', base .. ':copy:' .. id, wire, sealed)
    redis.call('HSET', act, wire, copy_id)
    redis.call('HINCRBY', act, 'v', 1)
  elseif answer ~= 'r' and not held[n] then
    if answer == 'd' then
      redis.call('HINCRBY', act, 'dup', 1)
    else
      local told = base .. ':copy:' .. id
      redis.call('HSET', act, wire, copy_id)
      redis.call('HSET', told, wire, sealed)
      local left_ms = redis.call('PTTL', act)
      if left_ms > 0 then redis.call('PEXPIRE', told, left_ms) end
    end
    for purpose in string.gmatch(course[9], '[^,]+') do redis.call('HSET', act, 'no:' .. purpose, '1') end
  elseif held[n] == 'away' and (answer == 'l' or course[9] ~= '') then
    -- What comes meanwhile waits where the act will stand again, without a status of its own.
    if answer == 'l' then
      local told = base .. ':copy:' .. id
      redis.call('HSET', act, wire, copy_id)
      redis.call('HSET', told, wire, sealed)
      redis.call('PEXPIRE', told, AWAY_MS)
    end
    for purpose in string.gmatch(course[9], '[^,]+') do redis.call('HSET', act, 'no:' .. purpose, '1') end
    redis.call('PEXPIRE', act, AWAY_MS)
  end
  if answer ~= 'a' and answer ~= 'r' then count(course[5] .. WORDS[answer], 1) end
end

for _, name in ipairs(names) do redis.call('ZADD', base .. ':events', now, name) end
if names[1] then
  redis.call('ZREMRANGEBYRANK', base .. ':events', 0, -names_kept - 1)
  redis.call('PEXPIRE', base .. ':events', counters_ms)
end

for course, often in pairs(claimed) do         -- 4. the counts
  count(course[5] .. WORDS.a, often)
  for _, counter in ipairs(course[8]) do count(counter, often) end
end
add_up(base .. ':count:' .. hour, counts, counters_ms)
return table.concat(answers)
