--include count
-- Adds counts, by their counters' names.
local function add_up(key, counts, life_ms)
  local counters, often, size, is_new = {}, {}, 0, false
  for counter, number in pairs(counts) do
    size = size + 1
    counters[size], often[size] = counter, number
  end
  for first = size - (size - 1) % 2000, 1, -2000 do  -- the last of them first: each may write over those behind it
    local last = math.min(first + 1999, size)
    is_new = add_to(key, counters, first, last, 0, first > 1 and { unpack(often, first, last) } or often) or is_new
  end
  if is_new then redis.call('PEXPIRE', key, life_ms, 'NX') end  -- a key that is there has its lifetime already
end
