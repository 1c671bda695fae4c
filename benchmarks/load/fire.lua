-- What wrk fires. `templates`, `repeat_every`, `first` and `pause_ms` are written above this text by load/__init__.py.
-- A template is a list, one entry a visitor, of texts with the request's number between them.
local number, kinds = first, #templates

function request()
  number = number + 1
  local told = math.floor(number / kinds)
  if repeat_every > 0 and number % repeat_every == 0 then told = told - 1 end
  local sent = templates[number % kinds + 1]
  return table.concat(sent[told % #sent + 1], string.format('%08d', told))
end

if pause_ms > 0 then
  -- Evenly spread around the mean, so that connections do not march in step.
  function delay() return math.random(0, 2 * pause_ms) end
end
