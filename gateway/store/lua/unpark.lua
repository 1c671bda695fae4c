#!lua flags=allow-oom
-- UNPARK: put acts back as they were when they went to a disk, with what came meanwhile.
--
-- KEYS  the shard's base
-- ARGV  MessagePack [acts, whether this store is not the one that they left], then the parts of each: fields and copies (name, value, …), content, content of the restatement,
--       legs (destination, leg, score, lease, …)
--       act: [id, mark, how many parts are fields, how many are copies, how many are legs]
-- Returns a letter per act: b(ack) g(one: it was brought back before, or never left)
--
-- A store that was emptied or replaced noted nothing: to it everything is brought that it does not know.
--include ids
local base = KEYS[1]
local acts, is_other = unpack(cmsgpack.unpack(ARGV[1]))
local at = 1
local answers, windows = {}, away_windows(base)

local function take(count)                     -- the next parts
  local parts = { unpack(ARGV, at + 1, at + count) }
  at = at + count
  return parts
end

local function put_back(id, bits, told)
  local act, copies = base .. ':act:' .. id, base .. ':copy:' .. id
  local fields, kept, contents, legs = unpack(told)
  local content, late = unpack(contents)
  for i = 1, #legs, 4 do
    local due = base .. ':queue:' .. legs[i]
    redis.call('ZADD', due, 'NX', legs[i + 2], legs[i + 1])
    if legs[i + 3] ~= '' then redis.call('HSET', due .. ':leases', legs[i + 1], legs[i + 3]) end
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
  local id, mark = entry[1], entry[2]
  local told = { take(entry[3]), take(entry[4]), take(2), take(entry[5]) }
  local legs = told[4]
  local bits, bucket, short, held, window = remembered(base, windows, id, 0, 0)
  local is_noted = window and string.sub(held, 2) == bytes_of(mark)
  answers[n] = 'g'
  if (is_noted or is_other) and redis.call('HEXISTS', base .. ':act:' .. id, 'st') == 0 then
    put_back(id, bits or 0, told)
    answers[n] = 'b'
    -- Nobody owed it in this store: its books begin with it, as they begin with what waits when they are opened.
    if not is_noted and redis.call('EXISTS', base .. ':book') == 1 then
      for i = 1, #legs, 4 do redis.call('HINCRBY', base .. ':book', 'carried:queue:' .. legs[i], 1) end
    end
  end
  if is_noted then
    for i = 1, #legs, 4 do
      if redis.call('HINCRBY', base .. ':parked', legs[i], -1) <= 0 then redis.call('HDEL', base .. ':parked', legs[i]) end
    end
    call_back(base, bucket, short, window)
  end
end
return table.concat(answers)
