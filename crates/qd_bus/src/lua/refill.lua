-- Replaces a log by the entries given: consecutive numbers up to seq. Publishes nothing.
-- KEYS: log, meta. ARGV: epoch, seq, base, then message after message, the first numbered base.
local log, meta = KEYS[1], KEYS[2]
redis.call('DEL', log, meta)
local bytes = 0
local base = tonumber(ARGV[3])
for index = 4, #ARGV do
  redis.call('XADD', log, string.format('%.0f-0', base + index - 4), 'm', ARGV[index])
  bytes = bytes + #ARGV[index]
end
redis.call('HSET', meta, 'epoch', ARGV[1], 'seq', ARGV[2], 'base', ARGV[3], 'bytes', bytes)
return 1
