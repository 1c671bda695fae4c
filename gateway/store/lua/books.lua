-- The books of a shard: what each place has to hold by what was counted, beside what it holds.
--
-- A place is `hold`, or `queue:` and a destination. What was accepted goes into the hold and what was sealed leaves it;
-- what a destination is owed goes into its queue and every outcome leaves it. The scripts count in the step in which they
-- move, so the two agree between any two scripts, to the unit.
-- The hash `book` carries what hours that are over left in each place, so that no hour has to be read for ever:
-- opened (ms), closed (the last hour that is carried), carried:<place>, off:<place> (by how much it did not balance when
-- it was last looked at; see CLOSE).
local OPEN_HOURS = 2                           -- this one and the one before it: a gateway's clock may be so far behind

local function effect_of(counter)
  local kind, place = string.match(counter, '^(%a+)|[^|]*|[^|]*|([^|:]*)')
  if kind == 'owed' then return 'queue:' .. place, 1 end
  if kind == 'delivery' then return 'queue:' .. place, -1 end
  if kind == 'sealed' then return 'hold', -1 end
  if kind == 'door' and string.sub(counter, -9) == '|accepted' then return 'hold', 1 end
  return nil
end

local function add(sums, place, number) sums[place] = (sums[place] or 0) + number end

local function sum_of(base, first, last)
  local sums = {}
  for hour = first, last do
    local counted = redis.call('HGETALL', base .. ':count:' .. hour)
    for i = 1, #counted, 2 do
      local place, sign = effect_of(counted[i])
      if place then add(sums, place, sign * tonumber(counted[i + 1])) end
    end
  end
  return sums
end

local function book_of(base)
  local told = redis.call('HGETALL', base .. ':book')
  local book = { carried = {}, off = {} }
  for i = 1, #told, 2 do
    local field, place = string.match(told[i], '^(%a+):?(.*)$')
    if place == '' then book[field] = tonumber(told[i + 1]) else book[field][place] = tonumber(told[i + 1]) end
  end
  return book
end

-- What a gateway keeps on its disk for a destination (`lua/park.lua`) waits there as it would in the queue.
local function held_in(base, place)
  local destination = string.match(place, '^queue:(.+)$')
  local on_disk = destination and redis.call('HGET', base .. ':parked', destination) or 0
  return redis.call('ZCARD', base .. ':' .. place) + tonumber(on_disk)
end

-- Returns per place { should hold, holds }. Places nobody counted in are looked at as well when they are configured.
local function places_of(base, book, first, last, destinations)
  local wanted = sum_of(base, first, last)
  for place, number in pairs(book.carried) do add(wanted, place, number) end
  for place in pairs(book.off) do add(wanted, place, 0) end
  for _, destination in ipairs(destinations) do add(wanted, 'queue:' .. destination, 0) end
  add(wanted, 'hold', 0)
  local places = {}
  for place, number in pairs(wanted) do places[place] = { number, held_in(base, place) } end
  return places
end
