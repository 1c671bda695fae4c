#!lua flags=allow-oom
-- LEASE: lend ids that are due, under a token, until a deadline, with all that a worker needs of them. A crash needs no
-- detector: the score comes due again.
--
-- KEYS  the shard's base
-- ARGV  place (`hold`, or `queue:` and the destination), most ids, lease ms, token, purposes (comma-separated),
--       how many due ids to choose from (0: those due first), ms an event may be old
-- Returns [ms until the next id is due (-1: nothing waits), then per id: id, claims, and
--   of a leg  content, what was said of its delivery, the purposes denied since
--   of a hold version, wire, sealed copy, wire, sealed copy]
--
-- A lease is the token and how often it was lent without a verdict, with zeros in front in one of many.
-- Chosen among more than are asked for, what expires in the same hour goes by its worth, and an earlier hour first.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local base, place = KEYS[1], ARGV[1]
local most, lease_ms, token, choice = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[6])
local due, leases = base .. ':' .. place, base .. ':' .. place .. ':leases'
local destination = string.match(place, '^queue:(.+)$')
local ids = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, math.max(most, choice))
local answer = { -1 }
-- Up to 512 leases Redis looks through one after the other for each that is asked for, unless one is longer than 64 bytes.
local MANY, LONG = 64, string.rep('0', 64)

local acts, contents = base .. ':act:', base .. ':content:'
local function act_of(leg)
  local colon = string.find(leg, ':', 1, true)
  return acts .. (colon and string.sub(leg, 1, colon - 1) or leg)
end

local function denied_in(said, fields)
  local denied = {}
  for f = 2, #fields do
    if said[f] then denied[#denied + 1] = string.sub(fields[f], 4) end
  end
  return table.concat(denied, ',')
end

local function fields_of(delivery)             -- what was said of it, and the denials since
  local fields = { 'd:' .. delivery }
  for purpose in string.gmatch(ARGV[5], '[^,]+') do fields[#fields + 1] = 'no:' .. purpose end
  return fields
end

if #ids > most then
  local rank = {}
  for _, id in ipairs(ids) do
    local said = redis.call('HMGET', act_of(id), 'at', 'worth')
    local at = tonumber(said[1] or 0)
    -- What is too old already goes last: it only has to be told so.
    local hour = math.floor(at / 3600)
    if at * 1000 + tonumber(ARGV[7]) < now then hour = hour + 1e7 end
    rank[id] = hour * 10 - tonumber(said[2] or 0)
  end
  table.sort(ids, function(a, b)
    if rank[a] == rank[b] then return a < b end
    return rank[a] < rank[b]
  end)
end
if #ids > 0 then
  local count = math.min(most, #ids)
  local held = {}
  for first = 1, count, 4000 do
    local part = redis.call('HMGET', leases, unpack(ids, first, math.min(first + 3999, count)))
    for i, lease in ipairs(part) do held[first + i - 1] = lease end
  end
  local scores, loans = {}, {}
  local deadline, first_loan = string.format('%.0f', now + lease_ms), token .. ':1'
  local plain, late
  if destination then plain, late = fields_of(destination), fields_of(destination .. ':late') end
  local size = 1
  for i = 1, count do
    local id = ids[i]
    local claims = held[i] and tonumber(string.match(held[i], ':(%d+)$') or 0) + 1 or 1
    scores[i * 2 - 1], scores[i * 2] = deadline, id
    loans[i * 2 - 1], loans[i * 2] = id, claims == 1 and first_loan or token .. ':' .. claims
    answer[size + 1], answer[size + 2] = id, claims
    if destination then
      local fields = string.find(id, ':', 1, true) and late or plain
      local said = redis.call('HMGET', act_of(id), unpack(fields))
      answer[size + 3], answer[size + 4] = redis.call('GET', contents .. id), said[1]
      answer[size + 5] = denied_in(said, fields)
      size = size + 5
    else
      local copies = redis.call('HGETALL', base .. ':copy:' .. id)
      answer[size + 3] = redis.call('HGET', acts .. id, 'v')
      for c = 1, 4 do answer[size + 3 + c] = copies[c] or false end
      size = size + 7
    end
  end
  if count > MANY then loans[2] = string.gsub(loans[2], ':(%d+)$', ':' .. LONG .. '%1') end
  for first = 1, #scores, 4000 do
    redis.call('ZADD', due, 'XX', unpack(scores, first, math.min(first + 3999, #scores)))
    redis.call('HSET', leases, unpack(loans, first, math.min(first + 3999, #loans)))
  end
end
local soonest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
if soonest[2] then answer[1] = math.max(0, tonumber(soonest[2]) - now) end
return answer
