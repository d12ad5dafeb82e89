-- The atomic step: check, append, publish.
-- KEYS: log, meta. ARGV: channel, expected epoch ('' takes over), expected seq, epoch, seq, whether the log starts
-- anew, message, most entries, most bytes (0: the log is cut by snapshots only).
-- Answers {1}, or {0, epoch, seq} with what is held instead.
local log, meta = KEYS[1], KEYS[2]
local channel, expected_epoch, expected_seq = ARGV[1], ARGV[2], ARGV[3]
local epoch, seq, anew, message = ARGV[4], ARGV[5], ARGV[6] == '1', ARGV[7]
local max_entries, max_bytes = tonumber(ARGV[8]), tonumber(ARGV[9])
if expected_epoch ~= '' then
  local held = holds(log, meta)
  if not held then
    return {0, false, false}
  end
  if held[1] ~= expected_epoch or held[2] ~= expected_seq then
    return {0, held[1], held[2]}
  end
end
if anew then
  redis.call('DEL', log, meta)
  redis.call('HSET', meta, 'base', seq, 'bytes', 0)
end
redis.call('XADD', log, seq .. '-0', 'm', message)
local bytes = redis.call('HINCRBY', meta, 'bytes', #message)
redis.call('HSET', meta, 'epoch', epoch, 'seq', seq)
if max_entries > 0 then
  local entries = redis.call('XLEN', log)
  while entries > max_entries or (bytes > max_bytes and entries > 1) do
    local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    redis.call('XDEL', log, first[1])
    bytes = redis.call('HINCRBY', meta, 'bytes', -#first[2][2])
    redis.call('HINCRBY', meta, 'base', 1)
    entries = entries - 1
  end
end
redis.call('PUBLISH', channel, message)
return {1}
