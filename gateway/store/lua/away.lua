#!lua
-- AWAY: say which acts lie on a gateway's disk.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [act ids]
-- Returns per act: the mark of its record, '' when it lies on none
--include ids
local base, answers = KEYS[1], {}
local windows = away_windows(base)
for n, id in ipairs(cmsgpack.unpack(ARGV[1])[1]) do
  local _, _, _, held = remembered(base, windows, id, 0, 0)
  answers[n] = held and string.sub(held, 2) or ''
end
return answers
