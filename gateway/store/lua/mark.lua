#!lua flags=allow-oom
-- MARK: note in each act by which receipt its delivery will be told of, for acts of one shard.
--
-- KEYS  act …
-- ARGV  per act: delivery (field of the act), receipt and place
-- Returns how many acts were there
local marked = 0
for n, act in ipairs(KEYS) do
  if redis.call('HEXISTS', act, 'st') == 1 then
    redis.call('HSET', act, 'r:' .. ARGV[n * 2 - 1], ARGV[n * 2])
    marked = marked + 1
  end
end
return marked
