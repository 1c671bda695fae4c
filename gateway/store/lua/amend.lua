#!lua flags=allow-oom
-- AMEND: write other copies of an act, and another content of some of its legs, over those that are there.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [act id, wires, legs], sealed content of the legs, then a sealed copy a wire
-- Returns how many were written
local base = KEYS[1]
local id, wires, legs = unpack(cmsgpack.unpack(ARGV[1]))
local told, written = base .. ':copy:' .. id, 0
for n, wire in ipairs(wires) do
  if redis.call('HEXISTS', told, wire) == 1 then
    redis.call('HSET', told, wire, ARGV[n + 2])
    written = written + 1
  end
end
for _, leg in ipairs(legs) do
  if redis.call('SET', base .. ':content:' .. leg, ARGV[2], 'XX', 'KEEPTTL') then written = written + 1 end
end
return written
