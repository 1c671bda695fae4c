-- The ids of settled acts whose record is gone sooner than their window ends: about 16 bytes each.
--
-- A bucket is a small hash (8 bytes of the act's id -> when, in units, times 4, plus a bit a wire). Its key holds the
-- window in which the act was settled, so a bucket goes as a whole, by its lifetime. The more acts a window settles, the
-- more buckets it has: each level has four times as many as the one before, and an id is looked for in all that were used.
-- The hash `ids` tells of each window: first level, last level, acts, and when its last bucket goes (ms).
--
-- An act that lies on a gateway's disk (`lua/park.lua`) stands in windows of its own (kind p): a digit for its wires and 4
-- bytes that tell its record on the disk from any other; it is taken out when the act comes back.
local DAY = 86400000
local FULL = 240                               -- acts a bucket, beyond which the next level begins; 512 leave the compact form
local BITS = { browser = 1, server = 2 }
local AWAY = 'p'
local AWAY_MS = 100 * DAY                     -- longer than any platform takes an event

local function kind_of(remember_ms)            -- what is remembered for months has longer windows: fewer places to look
  if remember_ms <= 4 * DAY then return 'e', DAY, 60000 end
  return 'o', 50 * DAY, 3600000
end

local function bucket_of(base, kind, window, level, id)
  local number = math.floor(tonumber(string.sub(id, 1, 6), 16) / 4 ^ (12 - level))
  return base .. ':ids:' .. kind .. ':' .. window .. ':' .. level .. ':' .. number
end

local function bytes_of(hex)
  return (string.gsub(hex, '%x%x', function(two) return string.char(tonumber(two, 16)) end))
end

local function short_of(id) return bytes_of(string.sub(id, 17, 32)) end

local function windows_of(base)
  local told = redis.call('HGETALL', base .. ':ids')
  local windows = {}
  for i = 1, #told, 2 do
    local kind, number = string.match(told[i], '(%a):(%d+)')
    local first, last, acts, ends = string.match(told[i + 1], '(%d+):(%d+):(%d+):(%d+)')
    windows[#windows + 1] = { kind = kind, number = tonumber(number), field = told[i],
      first = tonumber(first), last = tonumber(last), acts = tonumber(acts), ends = tonumber(ends) }
  end
  return windows
end

-- Returns the bits of the wires that told of this act, and where that stands; nil when it is not remembered. Then, of an
-- act that lies on a disk, its window.
local function remembered(base, windows, id, remember_ms, now)
  local kind, span, unit = kind_of(remember_ms)
  local oldest = math.floor((now - remember_ms) / span)
  local short
  for _, window in ipairs(windows) do
    if (window.kind == kind and window.number >= oldest) or window.kind == AWAY then
      short = short or short_of(id)
      for level = window.first, window.last do
        local bucket = bucket_of(base, window.kind, window.number, level, id)
        local held = redis.call('HGET', bucket, short)
        if held and window.kind == AWAY then return tonumber(string.sub(held, 1, 1)), bucket, short, held, window end
        if held then
          local settled = math.floor(held / 4) * unit + window.number * span
          if now < settled + unit + remember_ms then return held % 4, bucket, short, held end
        end
      end
    end
  end
  return nil
end

local function tell_window(base, window)
  redis.call('HSET', base .. ':ids', window.field,
    string.format('%d:%d:%d:%.0f', window.first, window.last, window.acts, window.ends))
  redis.call('PEXPIREAT', base .. ':ids', window.ends, 'NX')
  redis.call('PEXPIREAT', base .. ':ids', window.ends, 'GT')
end

local function note(base, kind, number, id, value, ends, now)
  local mine, before
  for _, window in ipairs(windows_of(base)) do
    if window.ends < now then
      redis.call('HDEL', base .. ':ids', window.field)
    elseif window.kind == kind and window.number == number then
      mine = window
    elseif window.kind == kind and (not before or window.number > before.number) then
      before = window
    end
  end
  if not mine then
    local level = before and before.last or 0
    mine = { field = kind .. ':' .. number, first = level, last = level, acts = 0, ends = 0 }
  end
  mine.acts = mine.acts + 1
  mine.ends = math.max(mine.ends, ends)
  if mine.acts > FULL * 4 ^ mine.last and mine.last < 12 then mine.last = mine.last + 1 end
  local bucket = bucket_of(base, kind, number, mine.last, id)
  redis.call('HSET', bucket, short_of(id), value)
  redis.call('PEXPIREAT', bucket, mine.ends)
  tell_window(base, mine)
end

local function remember(base, id, bits, remember_ms, now)
  local kind, span, unit = kind_of(remember_ms)
  local number = math.floor(now / span)
  local settled = math.floor((now - number * span) / unit)
  note(base, kind, number, id, settled * 4 + bits, (number + 1) * span + unit + remember_ms, now)
end

-- Says that an act has gone to a disk; `mark` (8 hex) is what tells its record.
local function send_away(base, id, bits, mark, now)
  note(base, AWAY, math.floor(now / DAY), id, bits .. bytes_of(mark), now + AWAY_MS, now)
end

local function away_windows(base)
  local windows = {}
  for _, window in ipairs(windows_of(base)) do
    if window.kind == AWAY then windows[#windows + 1] = window end
  end
  return windows
end

local function call_back(base, bucket, short, window)
  redis.call('HDEL', bucket, short)
  window.acts = math.max(0, window.acts - 1)
  if window.acts > 0 then tell_window(base, window) else redis.call('HDEL', base .. ':ids', window.field) end
end
