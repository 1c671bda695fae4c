-- All that Redis holds of an act whose legs wait, and what tells one moment of it from another.
--
-- Returns {act, copies, content, content of the restatement, legs} with leg {destination, leg, score, lease}, and whether
-- it is whole and nobody works on it.
local function stowed(base, id, destinations)
  local act = redis.call('HGETALL', base .. ':act:' .. id)
  local legs, free = {}, #act > 0
  for _, destination in ipairs(destinations) do
    local due = base .. ':queue:' .. destination
    for _, leg in ipairs({ id, id .. ':late' }) do
      local score = redis.call('ZSCORE', due, leg)
      if score then
        local lease = redis.call('HGET', due .. ':leases', leg) or ''
        if lease ~= '' and string.sub(lease, 1, 1) ~= ':' then free = false end
        legs[#legs + 1] = { destination, leg, score, lease }
      end
    end
  end
  local state = {}
  for i = 1, #act, 2 do state[act[i]] = act[i + 1] end
  -- A dead letter can be replayed while it is kept, so its content stays.
  if state.st ~= 'out' or tonumber(state.left) ~= #legs or tonumber(state.dead or 0) > 0 then free = false end
  local content = redis.call('GET', base .. ':content:' .. id) or ''
  local late = redis.call('GET', base .. ':content:' .. id .. ':late') or ''
  return { act, redis.call('HGETALL', base .. ':copy:' .. id), content, late, legs }, free, state
end

local function mark_of(told)
  return string.sub(redis.sha1hex(cmsgpack.pack(told)), 1, 8)
end
