-- What many channels hold. KEYS: log, meta, log, meta, ... Answers epoch, seq, epoch, seq, ...
local answer = {}
for index = 1, #KEYS, 2 do
  local held = holds(KEYS[index], KEYS[index + 1])
  answer[index] = held and held[1] or false
  answer[index + 1] = held and held[2] or false
end
return answer
