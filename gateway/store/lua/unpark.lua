#!lua flags=allow-oom
-- UNPARK: put acts back as they were when they went to a disk, with what came meanwhile.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [acts]; act: [id, mark, what `lua/pick.lua` read]
-- Returns a letter per act: b(ack) g(one: it was brought back before, or never left)
--include ids
local base = KEYS[1]
local acts = cmsgpack.unpack(ARGV[1])[1]
local answers, windows = {}, away_windows(base)

local function put_back(id, bits, told)
  local act, copies = base .. ':act:' .. id, base .. ':copy:' .. id
  local fields, kept, content, late, legs = unpack(told)
  for _, leg in ipairs(legs) do
    local due = base .. ':queue:' .. leg[1]
    redis.call('ZADD', due, 'NX', leg[3], leg[2])
    if leg[4] ~= '' then redis.call('HSET', due .. ':leases', leg[2], leg[4]) end
  end
  if content ~= '' then redis.call('SET', base .. ':content:' .. id, content) end
  if late ~= '' then redis.call('SET', base .. ':content:' .. id .. ':late', late) end
  for i = 1, #kept, 2 do redis.call('HSET', copies, kept[i], kept[i + 1]) end
  for i = 1, #fields, 2 do redis.call('HSETNX', act, fields[i], fields[i + 1]) end
  -- Of a record that could not be read: which wires told of it is known nevertheless.
  if bits % 2 == 1 then redis.call('HSETNX', act, 'browser', '-') end
  if bits >= 2 then redis.call('HSETNX', act, 'server', '-') end
  redis.call('PERSIST', act)
  redis.call('PERSIST', copies)
end

for n, entry in ipairs(acts) do
  local id, mark, told = entry[1], entry[2], entry[3]
  local bits, bucket, short, held, window = remembered(base, windows, id, 0, 0)
  if window and string.sub(held, 2) == mark then
    if redis.call('HEXISTS', base .. ':act:' .. id, 'st') == 0 then
      put_back(id, bits, told)
      answers[n] = 'b'
    else
      answers[n] = 'g'
    end
    for _, leg in ipairs(told[5]) do
      if redis.call('HINCRBY', base .. ':parked', leg[1], -1) <= 0 then redis.call('HDEL', base .. ':parked', leg[1]) end
    end
    call_back(base, bucket, short, window)
  else
    answers[n] = 'g'
  end
end
return table.concat(answers)
