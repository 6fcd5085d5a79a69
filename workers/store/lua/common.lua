-- Shared by every script: the fail-closed guard, the clock, and the outbox's one way in.

-- A script that finds another dataset (Redis emptied, replaced or not ours) must not write anything, nor
-- one of the same dataset in another version: whoever does not know that would write what is not read.
local function guard(meta_key, dataset)
  local found = redis.call('GET', meta_key)
  if found == dataset then return nil end
  local id = string.match(dataset, '"dataset":"(%w+)"')
  if found and id and string.match(found, '"dataset":"(%w+)"') == id then
    return redis.error_reply('FINALIZED this dataset has another version now')
  end
  return redis.error_reply('DATASET this Redis does not hold the expected dataset')
end

-- Which run of Redis this is: a restart or a failover gives another. Asked once a script: INFO is the
-- dearest of all calls.
local this_run
local function run_id()
  this_run = this_run or string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
  return this_run
end

-- A shard takes nothing in while its past is restored, nor after a restart of Redis until its publisher
-- has held it against what Kafka remembers: what Redis may have forgotten would be announced twice.
local function closed(meta_key)
  local tag = string.sub(meta_key, 1, -6)
  local run = redis.call('HGET', tag .. ':ob', 'run')
  if redis.call('EXISTS', tag .. ':healing') == 1 or (run and run ~= run_id()) then
    return redis.error_reply('HEALING this shard is compared with what Kafka remembers')
  end
  return nil
end

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function int(n)
  return string.format('%.0f', n)
end

-- Takes n places at the end of a host's line. Those who are put off come back one after the other, at the
-- pace that the host really has. Returns the wait for the first place and the time between two, in ms.
local function take_places(host_key, n, gap, max, ttl)
  local now = now_ms()
  local h = redis.call('HMGET', host_key, 'next', 'queue', 'pause', 'ms')
  local pace = math.max(gap, tonumber(h[4] or '200') / max, 2)
  local last = math.max(now, tonumber(h[1] or '0'), tonumber(h[2] or '0'), tonumber(h[3] or '0'))
  local queue = last + n * pace
  redis.call('HSET', host_key, 'queue', int(queue))
  local keep = queue - now + ttl
  if redis.call('PTTL', host_key) < keep then redis.call('PEXPIRE', host_key, int(keep)) end
  return last + pace - now, pace
end

-- Appends one event. Sequences never go back, not even after a rollback or in a new Redis: they
-- follow the clock in microseconds. 'bytes' is cumulative, so that trimming twice subtracts once.
local function emit(out_key, counters_key, topic, key, value, headers)
  local c = redis.call('HMGET', counters_key, 'seq', 'bytes')
  local seq = tonumber(c[1] or '0') + 1
  local t = redis.call('TIME')
  local us = tonumber(t[1]) * 1000000 + tonumber(t[2])
  if us > seq then seq = us end
  local bytes = tonumber(c[2] or '0') + #key + #value + #headers + 64
  redis.call('XADD', out_key, int(seq) .. '-0',
    't', topic, 'k', key, 'v', value, 'h', headers, 'b', int(bytes))
  redis.call('HSET', counters_key, 'seq', int(seq), 'bytes', int(bytes))
end
