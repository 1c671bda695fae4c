#!lua flags=no-writes
-- AUDIT: read a shard's books in one moment: what each place has to hold, what it holds, and the counts of the hours that
-- may still change.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [hour, how many hours counters are kept, destinations, whether the counts are wanted]
-- Returns [ms when the books were opened (-1: not yet), places, hours]
--   places: place, should hold, holds, known to be off by, …
--   hours:  hour, its counters (name, how often, …), …
--
-- Without a book everything that is still counted is added up.
--include books
local base = KEYS[1]
local hour, kept, destinations, is_detailed = unpack(cmsgpack.unpack(ARGV[1]))
local book = book_of(base)
local places, hours = {}, {}
local first = (book.closed or hour - kept - 1) + 1
-- A gateway whose clock is ahead counts in the hour that comes.
for place, number in pairs(places_of(base, book, first, hour + 1, destinations)) do
  places[#places + 1] = place
  places[#places + 1] = number[1]
  places[#places + 1] = number[2]
  places[#places + 1] = book.off[place] or 0
end
if is_detailed then
  for open = hour - OPEN_HOURS + 1, hour + 1 do
    hours[#hours + 1] = open
    hours[#hours + 1] = redis.call('HGETALL', base .. ':count:' .. open)
  end
end
return { book.opened or -1, places, hours }
