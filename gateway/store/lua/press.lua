#!lua flags=allow-oom
-- PRESS: write contents and copies in fewer bytes, each only if it still is what was read; lifetimes stay as they are.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [entries], then the pressed bytes of each
--       entry: [key below the base, field ('' for a string), SHA-1 of what was read]
-- Returns how many were written
local base, written = KEYS[1], 0
for n, entry in ipairs(cmsgpack.unpack(ARGV[1])[1]) do
  local key, field = base .. ':' .. entry[1], entry[2]
  local there
  if field == '' then there = redis.call('GET', key) else there = redis.call('HGET', key, field) end
  if there and redis.sha1hex(there) == entry[3] then
    if field == '' then redis.call('SET', key, ARGV[n + 1], 'KEEPTTL') else redis.call('HSET', key, field, ARGV[n + 1]) end
    written = written + 1
  end
end
return written
