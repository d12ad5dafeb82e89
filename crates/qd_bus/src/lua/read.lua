-- One atomic read behind a number.
-- KEYS: log, meta. ARGV: epoch ('' from the log's start), seq, most messages, most bytes.
-- Answers {epoch, seq, base, whether there is more, {message, ...}}.
local log, meta = KEYS[1], KEYS[2]
local max_messages, max_bytes = tonumber(ARGV[3]), tonumber(ARGV[4])
local held = holds(log, meta)
if not held then
  return {false, false, false, 0, {}}
end
local from = tonumber(held[3])
if ARGV[1] == held[1] then
  from = math.max(from, tonumber(ARGV[2]) + 1)
end
local entries = redis.call('XRANGE', log, string.format('%.0f-0', from), '+', 'COUNT', max_messages + 1)
local messages = {}
local bytes = 0
local more = 0
for index = 1, #entries do
  local message = entries[index][2][2]
  bytes = bytes + #message
  if index > 1 and (index > max_messages or bytes > max_bytes) then
    more = 1
    break
  end
  messages[index] = message
end
return {held[1], held[2], held[3], more, messages}
