-- KEYS meta, bucket ...; ARGV dataset, fresh ('1': the marker may be missing), ttl_ms, n, {bucket index, field, record} * n
-- Brings article records and aliases back from the topic: only adds, and never lowers a revision.
-- Returns how many records were added or raised.
local marker = redis.call('GET', KEYS[1])
if marker or ARGV[2] ~= '1' then
  local bad = guard(KEYS[1], ARGV[1])
  if bad then return bad end
end
local function revision(v) return string.byte(v, 4) * 256 + string.byte(v, 5) end

local changed = 0
for i = 0, tonumber(ARGV[4]) - 1 do
  local at = 5 + i * 3
  local bucket, field, new = KEYS[1 + tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2]
  local current = redis.call('HGET', bucket, field)
  local is_article = string.sub(new, 1, 1) == 'A'
  local better = not current
  if current and is_article then
    better = string.sub(current, 1, 1) ~= 'A' or revision(current) < revision(new)
  end
  if better then
    redis.call('HSET', bucket, field, new)
    changed = changed + 1
  end
  redis.call('PEXPIRE', bucket, ARGV[3])
end
return changed
