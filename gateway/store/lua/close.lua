#!lua flags=allow-oom
-- CLOSE: carry forward what hours that are over left in each place, and note in which hour the books went off.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [hour, how many hours counters are kept, counters' life ms, the book's life ms, destinations,
--       whether to write off what is missing or too much]
-- Returns [1 when the books were opened just now (else 0), place, should hold, holds, …]; only places that do not balance,
--   and when that was written off, as they were before
--
-- Opened where there is no book (a new store, or one from before there were books): whatever waits then is taken as it is.
--include books
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local base = KEYS[1]
local hour, kept, counters_ms, book_ms, destinations, is_written_off = unpack(cmsgpack.unpack(ARGV[1]))
local key, counters = base .. ':book', base .. ':count:' .. hour
local book = book_of(base)
-- A gateway whose clock is ahead must not close what others still count in.
local over = math.min(hour, math.floor(now / 3600000)) - OPEN_HOURS

local function put(field, number)              -- a destination that left for good leaves nothing behind
  if number == 0 then redis.call('HDEL', key, field) else redis.call('HSET', key, field, string.format('%.0f', number)) end
end

local function note(place, word, number)
  redis.call('HINCRBY', counters, 'books|-|-|' .. place .. '|' .. word, string.format('%.0f', number))
  redis.call('PEXPIRE', counters, counters_ms, 'NX')
end

if not book.closed or book.closed < hour - kept then
  redis.call('DEL', key)
  redis.call('HSET', key, 'opened', string.format('%.0f', now), 'closed', over)
  local open = sum_of(base, over + 1, hour + 1)
  -- All hours are looked through once, for the destinations that have left the configuration since.
  for place, number in pairs(places_of(base, { carried = {}, off = {} }, hour - kept, hour + 1, destinations)) do
    put('carried:' .. place, number[2] - (open[place] or 0))
  end
  redis.call('PEXPIRE', key, book_ms)
  return { 1 }
end
if over > book.closed then
  for place, number in pairs(sum_of(base, book.closed + 1, over)) do
    add(book.carried, place, number)
    put('carried:' .. place, book.carried[place])
  end
  book.closed = over
  redis.call('HSET', key, 'closed', over)
end
local answer = { 0 }
for place, number in pairs(places_of(base, book, book.closed + 1, hour + 1, destinations)) do
  local off, known = number[1] - number[2], book.off[place] or 0
  if off ~= known then note(place, 'unbalanced', off - known) end
  if off ~= 0 then
    answer[#answer + 1] = place
    answer[#answer + 1] = number[1]
    answer[#answer + 1] = number[2]
  end
  if off ~= 0 and is_written_off then
    note(place, 'written_off', off)
    put('carried:' .. place, (book.carried[place] or 0) - off)
    off = 0
  end
  if off ~= known then put('off:' .. place, off) end
end
redis.call('PEXPIRE', key, book_ms)
return answer
