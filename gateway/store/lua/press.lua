#!lua flags=allow-oom
-- PRESS: write contents and copies in fewer bytes, each only if it still is what was read; lifetimes stay as they are.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [entries]; entry: [key below the base, field ('' for a string), SHA-1 of what was read, pressed bytes]
-- Returns how many were written
local base, written = KEYS[1], 0
for _, entry in ipairs(cmsgpack.unpack(ARGV[1])[1]) do
  local key, field = base .. ':' .. entry[1], entry[2]
  local there
  if field == '' then there = redis.call('GET', key) else there = redis.call('HGET', key, field) end
  if there and redis.sha1hex(there) == entry[3] then
    if field == '' then redis.call('SET', key, entry[4], 'KEEPTTL') else redis.call('HSET', key, field, entry[4]) end
    written = written + 1
  end
end
return written
