-- What a channel's store holds: {epoch, seq, base}, or false when there is nothing that fits together.
-- A log without its number, or a number without its log, is a loss and counts as nothing.
local function holds(log, meta)
  local held = redis.pcall('HMGET', meta, 'epoch', 'seq', 'base')
  if held.err or not held[1] or not held[2] or not held[3] then
    return false
  end
  local last = redis.pcall('XREVRANGE', log, '+', '-', 'COUNT', 1)
  if last.err then
    return false
  end
  if last[1] then
    if last[1][1] ~= held[2] .. '-0' then
      return false
    end
  elseif tonumber(held[3]) ~= tonumber(held[2]) + 1 then
    return false
  end
  return held
end
