#!lua flags=allow-oom
-- PARK: take acts out of Redis whose records are on a gateway's disk, synced, if they still are as they were read.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [every destination, acts]; act: [id, mark]
-- Returns a letter per act: p(arked) c(hanged since, leased, or gone: it stays as it is)
--
-- What stays is its id among those that lie on a disk (`lua/ids.lua`), so that a copy of it is still known, and so that the
-- record is brought back once.
--include ids
--include stow
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local base = KEYS[1]
local destinations, acts = unpack(cmsgpack.unpack(ARGV[1]))
local answers = {}
for n, entry in ipairs(acts) do
  local id, mark = entry[1], entry[2]
  local told, free, state = stowed(base, id, destinations)
  if free and mark_of(told) == mark then
    send_away(base, id, (state.browser and BITS.browser or 0) + (state.server and BITS.server or 0), mark, now)
    for _, leg in ipairs(told[5]) do
      redis.call('ZREM', base .. ':queue:' .. leg[1], leg[2])
      redis.call('HDEL', base .. ':queue:' .. leg[1] .. ':leases', leg[2])
      redis.call('HINCRBY', base .. ':parked', leg[1], 1)
    end
    redis.call('DEL', base .. ':content:' .. id, base .. ':content:' .. id .. ':late', base .. ':copy:' .. id,
      base .. ':act:' .. id)
    answers[n] = 'p'
  else
    answers[n] = 'c'
  end
end
redis.call('PEXPIRE', base .. ':parked', AWAY_MS)
return table.concat(answers)
