-- Adds to some counters of an hour: one reading and one writing of all, which is less work than an HINCRBY each. `often` (or
-- nil) tells how much more than `each` goes to each of them. Returns whether one is new: then the hour may be.
--
-- What is written stands where the counters stood, and behind them in the same list: another one would have to grow.
local function add_to(key, list, first, last, each, often)
  local call, format, before = redis.call, string.format, first - 1
  local stood = call('HMGET', key, unpack(list, first, last))
  for n = last - before, 1, -1 do
    local at = before + n * 2
    list[at - 1], list[at] = list[before + n], format('%d', (stood[n] or 0) + each + (often and often[n] or 0))
  end
  return call('HSET', key, unpack(list, first, last * 2 - before)) > 0
end
