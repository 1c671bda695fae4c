-- ACCEPT of copies some of which are not plainly the first of an act that leaves at once: each is asked about.
--include counts
--include ids
local WORDS = { m = 'merged', d = 'duplicate', l = 'late', r = 'replay' }  -- and a: accepted
local HOLD = { base .. ':hold' }
local call, args, shape = redis.call, ARGV, ARGV[1]
local now, copies = tonumber(now_text), #acts
local rows, course_of, answers, held, due, counts, claimed, contents, packed = {}, {}, {}, {}, {}, {}, {}, {}, {}
local is_packing = copies > 1 and redis.acl_check_cmd('MSET', base, '')
local _, last_course, counters_high, counters = string.byte(shape, 1, 4)
counters = counters_high * 256 + counters
local counters_ms, names, names_kept, courses, counters_of =
  unpack(cmsgpack.unpack(string.sub(shape, 12 + last_course * 7 + (last_course > 0 and counters or 0))))

local at, before = from, nil
for c, course in ipairs(courses) do
  local more, high, low, queues_high, queues, skips_high, skips = string.byte(shape, c * 7 - 2, c * 7 + 4)
  local said = at + 2 + queues_high * 256 + queues
  course.number, course.wire, course.left, course.skips = c, args[at], args[at + 1], skips_high * 256 + skips
  if said > at + 2 then
    course.queues = { unpack(args, at + 2, said - 1) }
  elseif course.left ~= '0' then
    course.queues = before.queues
  end
  at = at + high * 256 + low
  course.said, course.said_end, before = said, at - 1, course
  for n = #rows + 1, #rows + more + 1 do
    rows[n], course_of[n] = at, course
    at = at + 4
  end
end

local function row(n)
  local first = rows[n]
  return course_of[n], args[first], args[first + 1], args[first + 2], args[first + 3]
end

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

local windows = known > 0 and windows_of(base) or {}
if windows[1] then known = known - 1 end

local function answer_to(n)                    -- what is known of its act
  local course, id, copy_id = row(n)
  local wire = course.wire
  local act = known > 0 and call('HMGET', acts[n], 'st', wire, 'until') or {}
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
        call('HSET', bucket, short, told + BITS[wire])
      end
    end
  end
  return answer
end

for n = 1, copies do                           -- 1. what is known of each act
  local answer = (known > 0 or windows[1]) and answer_to(n) or 'a'
  answers[n] = answer
  if answer == 'a' then
    local course, id, _, _, sealed = row(n)
    claimed[course] = (claimed[course] or 0) + 1
    if course[1] >= 0 then
      schedule(HOLD, now + course[1], id)
    elseif course.queues then
      schedule(course.queues, now_text, id)
      if is_packing and not held[n] then
        contents[#contents + 1] = base .. ':content:' .. id
        contents[#contents + 1] = sealed
        packed[n] = true
      end
    end
  end
end

for places, members in pairs(due) do           -- 2. the work
  for _, place in ipairs(places) do call('ZADD', place, 'NX', unpack(members, 1, members.size)) end
end

if contents[1] then call('MSET', unpack(contents)) end

local function fields_of(course)               -- as all of its acts begin; the fourth and the sixth are an act's own
  local fields = { 'st', 'out', course.wire, '', 'at', '', 'left', course.left }
  if not course.queues then
    fields[2], fields[9], fields[10] = 'done', 'until', string.format('%.0f', now + course[2])
  end
  local skips_end = course.said + course.skips * 2
  for s = course.said, course.said_end, 2 do
    fields[#fields + 1] = args[s]
    fields[#fields + 1] = s < skips_end and args[s + 1] .. now_text .. '}' or args[s + 1]
  end
  course.fields = fields
  return fields
end

for n = 1, copies do                           -- 3. the claims
  local act, answer = acts[n], answers[n]
  local course, id, copy_id, second, sealed = row(n)
  local hold_ms, remember_ms, outcomes_ms, door, denied, worth = unpack(course, 1, 6)
  local wire = course.wire
  if held[n] == 'old' and answer == 'a' then
    call('DEL', act, base .. ':copy:' .. id, base .. ':content:' .. id)
  end
  if answer == 'a' and hold_ms < 0 then
    local fields = course.fields or fields_of(course)
    fields[4], fields[6] = copy_id, second
    if not packed[n] then call('SET', base .. ':content:' .. id, sealed) end
    call('HSET', act, unpack(fields))
    if not course.queues then
      call('PEXPIRE', act, outcomes_ms)
      call('PEXPIRE', base .. ':content:' .. id, outcomes_ms)
      if remember_ms > outcomes_ms then remember(base, id, BITS[wire], remember_ms, now) end
    end
  elseif answer == 'a' then
    call('HSET', base .. ':copy:' .. id, wire, sealed)
    call('HSET', act, 'st', 'open', 'v', '1', 'held', '1', wire, copy_id, 'at', second, 'worth', worth)
  elseif answer == 'm' then
    call('ZADD', base .. ':hold', 'XX', 'LT', now_text, id)
    call('HSET', base .. ':copy:' .. id, wire, sealed)
    call('HSET', act, wire, copy_id)
    call('HINCRBY', act, 'v', 1)
  elseif answer ~= 'r' and not held[n] then
    if answer == 'd' then
      call('HINCRBY', act, 'dup', 1)
    else
      local told = base .. ':copy:' .. id
      call('HSET', act, wire, copy_id)
      call('HSET', told, wire, sealed)
      local left_ms = call('PTTL', act)
      if left_ms > 0 then call('PEXPIRE', told, left_ms) end
    end
    for purpose in string.gmatch(denied, '[^,]+') do call('HSET', act, 'no:' .. purpose, '1') end
  elseif held[n] == 'away' and (answer == 'l' or denied ~= '') then
    -- What comes meanwhile waits where the act will stand again, without a status of its own.
    if answer == 'l' then
      local told = base .. ':copy:' .. id
      call('HSET', act, wire, copy_id)
      call('HSET', told, wire, sealed)
      call('PEXPIRE', told, AWAY_MS)
    end
    for purpose in string.gmatch(denied, '[^,]+') do call('HSET', act, 'no:' .. purpose, '1') end
    call('PEXPIRE', act, AWAY_MS)
  end
  if answer ~= 'a' and answer ~= 'r' then count(door .. WORDS[answer], 1) end
end

for _, name in ipairs(names) do call('ZADD', base .. ':events', now_text, name) end
if names[1] then
  call('ZREMRANGEBYRANK', base .. ':events', 0, -names_kept - 1)
  call('PEXPIRE', base .. ':events', counters_ms)
end

for course, often in pairs(claimed) do         -- 4. the counts
  if last_course > 0 then
    for _, place in ipairs(counters_of[course.number]) do count(args[place + 2], often) end
  else
    for n = 3, counters + 2 do count(args[n], often) end
  end
end
add_up(args[2], counts, counters_ms)
return table.concat(answers)
