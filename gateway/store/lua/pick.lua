#!lua flags=allow-oom
-- PICK: read acts that wait for a destination and could go to a disk: the least worth first, and of those the newest.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [destination, ms a leg has waited at least, how many to look at, most acts, every destination]
-- Returns per act: id, mark, what Redis holds of it (`lua/stow.lua`)
--
-- Nothing is changed: what was read goes to the disk first, and `lua/park.lua` takes away only what still is as it was.
--include stow
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local base = KEYS[1]
local destination, waited_ms, look, most, destinations = unpack(cmsgpack.unpack(ARGV[1]))
local due = base .. ':queue:' .. destination
local legs = redis.call('ZRANGE', due, now - waited_ms, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, look)
local ids, worth, seen, place = {}, {}, {}, {}
for n, leg in ipairs(legs) do
  local id = string.match(leg, '^[^:]+')
  if not seen[id] then
    seen[id] = true
    ids[#ids + 1] = id
    worth[id] = tonumber(redis.call('HGET', base .. ':act:' .. id, 'worth') or 0)
    place[id] = n
  end
end
table.sort(ids, function(a, b)
  if worth[a] == worth[b] then return place[a] < place[b] end
  return worth[a] < worth[b]
end)
local answer = {}
for _, id in ipairs(ids) do
  if #answer >= most * 3 then break end
  local told, free = stowed(base, id, destinations)
  if free then
    answer[#answer + 1] = id
    answer[#answer + 1] = mark_of(told)
    answer[#answer + 1] = told
  end
end
return answer
