#!lua
-- ACCEPT: claim each copy's act and schedule it, in one step, for N copies of one shard, each of another act.
--
-- KEYS  the shard's base (`tw:{shard}`): every key below begins with it, so all lie in one slot
-- ARGV  shape, the hour's counters (a key), those of accepted copies (each once),
--       a course after the other: its wire, how many queues its acts go to at once, those queues (keys; none where they are
--         those of the course before), what else the acts' records say (field, value, in turn),
--         then of each of its copies the act's id, the copy's id, the seconds of the event and the sealed copy
--       shape: bytes, and behind them `rest`
--         1 unless all leave at once for some queue and `rest` notes nothing, courses less one, counters (2),
--         of a course: copies less one, arguments before its copies (2), queues among them (2), skips among what the
--           records say (2; they come first, and a value is how the outcome begins),
--         where there are several courses, how often each counter counts, less one
--       rest: MessagePack [counters' life ms, `site|event` not yet noted, how many of those are kept,
--         courses: [hold ms (-1: leaves at once), remember ms, outcomes ms, counter prefix of the door,
--                   purposes it denies (comma-separated), its worth],
--         where there are several courses, which counters (from 1) count the copies of each]
-- Returns a letter per copy, see `lua/otherwise.lua`
--
-- There is no state "seen but not scheduled": what is read is read first, then the queues are filled, then the claims are
-- written. Refused as a whole when memory is full (no allow-oom), so that an acknowledgement is never half a promise.
--
-- Most copies are the first of an act that leaves at once, and where little comes a call brings one or two. Of them nothing is
-- asked one by one, and what only others need is neither read nor made: a list, a function, a local that it shares or a
-- spelled number each take as long as setting a field. Contents are written by one command, unless the server's user may
-- not: an older list of rights does not name it.
--include count
local function otherwise(base, now_text, known, acts, from)
--include otherwise
end

local call, byte, sub, args, base = redis.call, string.byte, string.sub, ARGV, KEYS[1]
local t = call('TIME')
local now_text = t[2]                          -- microseconds, and not always six digits
now_text = t[1] .. (#now_text == 6 and sub(now_text, 1, 3) or sub('00000' .. now_text, -6, -4))
local shape = args[1]
local is_other, courses, counters_high, counters = byte(shape, 1, 4)
counters = counters_high * 256 + counters
local first, last, from = 5, 5 + courses * 7, 3 + counters

local acts, copies, at = {}, 0, from
for c = first, last, 7 do
  local more, high, low = byte(shape, c, c + 2)
  at = at + high * 256 + low
  for n = copies + 1, copies + more + 1 do
    acts[n] = base .. ':act:' .. args[at]
    at = at + 4
  end
  copies = copies + more + 1
end
local known = call('EXISTS', base .. ':ids', unpack(acts))  -- of the acts, or of any that is settled and gone
if known > 0 or is_other > 0 then return otherwise(base, now_text, known, acts, from) end

local is_packing = copies > 1 and redis.acl_check_cmd('MSET', base, '')
local contents, packed, c = is_packing and {}, 0, first
at = from
while c <= last do                             -- 2. the work: courses of the same queues at once
  local more, high, low, queues_high, queues = byte(shape, c, c + 4)
  local members, size, queue = {}, 0, at + 2
  local queues_end = at + 1 + queues_high * 256 + queues
  repeat
    at = at + high * 256 + low
    for n = at, at + more * 4, 4 do
      members[size + 1], members[size + 2] = now_text, args[n]
      size = size + 2
      if is_packing then
        contents[packed + 1], contents[packed + 2] = base .. ':content:' .. args[n], args[n + 3]
        packed = packed + 2
      end
    end
    at, c = at + more * 4 + 4, c + 7
    more, high, low, queues_high, queues = byte(shape, c, c + 4)
  until c > last or queues_high + queues > 0
  for q = queue, queues_end do call('ZADD', args[q], 'NX', unpack(members, 1, size)) end
end
if is_packing then call('MSET', unpack(contents, 1, packed)) end

local n = 0
at = from
for c = first, last, 7 do                      -- 3. the claims
  local more, high, low, queues_high, queues, skips_high, skips = byte(shape, c, c + 6)
  local wire, left, said = args[at], args[at + 1], at + 2 + queues_high * 256 + queues
  at = at + high * 256 + low
  local said_end = at - 1
  for s = said + 1, said + (skips_high * 256 + skips) * 2, 2 do args[s] = args[s] .. now_text .. '}' end
  for _ = 0, more do
    n = n + 1
    if not is_packing then call('SET', base .. ':content:' .. args[at], args[at + 3]) end
    call('HSET', acts[n], 'st', 'out', wire, args[at + 1], 'at', args[at + 2], 'left', left, unpack(args, said, said_end))
    at = at + 4
  end
end

local often_at = last + 6
for few = counters - (counters - 1) % 2000, 1, -2000 do  -- 4. the counts, the last of them first: see `add_to`
  local many, each, often = math.min(few + 1999, counters), copies, nil
  if courses > 0 then each, often = 1, { byte(shape, often_at + few, often_at + many) } end
  if add_to(args[2], args, few + 2, many + 2, each, often) then
    local rest = sub(shape, often_at + 1 + (courses > 0 and counters or 0))
    call('PEXPIRE', args[2], cmsgpack.unpack(rest)[1], 'NX')  -- a key that is there has its lifetime already
  end
end
return string.rep('a', copies)
