-- KEYS meta, due, claims, counters; ARGV dataset, tag, limit, lease_ms, token seed
-- Returns {now_ms, next due ms or -1, unpublished bytes, {id, token, due_ms, config, state} ...}
local bad = guard(KEYS[1], ARGV[1]) or closed(KEYS[1])
if bad then return bad end
local tag, limit, lease, seed = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local now, run = now_ms(), run_id()
local c = redis.call('HMGET', KEYS[4], 'bytes', 'pubbytes')
local answer = {int(now), '-1', int(tonumber(c[1] or '0') - tonumber(c[2] or '0'))}
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', int(now), 'WITHSCORES', 'LIMIT', 0, limit)
for i = 1, #due, 2 do
  local id = due[i]
  local config = redis.call('GET', tag .. ':c:' .. id)
  if config then
    -- What a poll admits may be lost when Redis goes down; its claim must not outlive that.
    local token = seed .. ':' .. i .. ':' .. run
    redis.call('ZADD', KEYS[2], int(now + lease), id)
    redis.call('HSET', KEYS[3], id, token)
    answer[#answer + 1] = {id, token, due[i + 1], config, redis.call('GET', tag .. ':f:' .. id) or ''}
  else
    redis.call('ZREM', KEYS[2], id)
    redis.call('HDEL', KEYS[3], id)
  end
end
local nxt = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if nxt[2] then answer[2] = nxt[2] end
return answer
