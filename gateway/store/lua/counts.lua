-- Adds to the counters of an hour: one reading and one writing of all, which is less work than an HINCRBY each.
local function add_up(key, counts, life_ms)
  local counters, is_new = {}, false
  for counter in pairs(counts) do counters[#counters + 1] = counter end
  for first = 1, #counters, 2000 do
    local last = math.min(first + 1999, #counters)
    local stood, fields = redis.call('HMGET', key, unpack(counters, first, last)), {}
    for n = first, last do
      local before = stood[n - first + 1]
      is_new = is_new or not before
      fields[#fields + 1] = counters[n]
      fields[#fields + 1] = string.format('%d', (before or 0) + counts[counters[n]])
    end
    redis.call('HSET', key, unpack(fields))
  end
  if is_new then redis.call('PEXPIRE', key, life_ms, 'NX') end  -- a key that is there has its lifetime already
end
