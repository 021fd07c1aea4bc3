import { createHash } from 'node:crypto';

/**
 * What one entry of a call asks for.
 * - `acquire`: the lock, or a place in the line; asking again keeps the place and the answer
 * - `try`: the lock, if it is free and nobody waits
 * - `release`: gives the lock to the next in line, or leaves the line
 * - `extend`: the lease anew
 * - `inspect`: who holds it, how many wait
 */
export type Operation = 'acquire' | 'try' | 'release' | 'extend' | 'inspect';

/** The longest lease, in ms, that a lock handed over starts with; the renewal lengthens it. */
export const CLAIM_TIME = 3_000;

/**
 * Many lock operations in one call, in order; a fault in one is that one's alone.
 *
 * KEYS    for entry i: KEYS[2i-1] the lock, KEYS[2i] its line
 * ARGV    [1] what inbox channels begin with, [2] the asking process,
 *         then four for each entry: operation, owner, lease in ms, and
 *         acquire  '1' when the process's inbox has proved that its messages arrive and are counted
 *         release  the last token used, 0 to leave the line
 * reply   for each entry
 *         acquire, try   the token, granted
 *                        { value of the lock, its remaining ms, place in line, now, ride } taken
 *         release        1, 0, or { ride } for released with one
 *         extend         1 or 0
 *         inspect        { value of the lock or '', its remaining ms, length of the line }
 *         or an error
 *         ride: { owner, token } of a waiter of the asking process that got the lock
 *
 * The lock is a string `owner token`: any other SET NX lock on the key and ours exclude each other.
 * The line is a sorted set, by time of arrival, of `lease heard owner`.
 *
 * What happens most, a free key taken and given back with nobody waiting, comes first and creates
 * nothing it does not need: this is where the server's time goes.
 */
export const LOCK_SCRIPT = `
local channels, process = ARGV[1], ARGV[2]
local now, nowText
-- Tokens of locks that were let go in this very call, while the clock stood still.
local floors = {}

local function readClock()
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
  nowText = string.format('%.0f', now)
end

-- All that happens only when somebody waits, or something went wrong.
local function unusual()
  local function value(owner, token)
    return owner .. ' ' .. string.format('%.0f', token)
  end

  -- The token in a lock's value if owner has it; nil otherwise.
  local function tokenOf(held, owner)
    if not held or string.sub(held, 1, #owner + 1) ~= owner .. ' ' then return nil end
    return tonumber(string.sub(held, #owner + 2))
  end

  local function after(last)
    if last and last >= now then return last + 1 end
    return now
  end

  -- Gives the lock to the first in line that is still there; false when nobody is.
  -- Returns owner and token, and whether the asking process is to tell its waiter itself.
  local function promote(lock, line, last, asker)
    local token = after(last)
    while true do
      local head = redis.call('ZPOPMIN', line)[1]
      if not head then return false end
      local lease, heard, owner = string.match(head, '^(%d+) (%d) (.*)$')
      local home = string.match(owner, '^(.*)%.')
      if home == process then
        redis.call('SET', lock, value(owner, token), 'PX', lease)
        return owner, token, owner ~= asker
      end
      local claim = math.min(tonumber(lease), ${CLAIM_TIME})
      local message = value(owner, token) .. ' ' .. nowText .. ' ' .. claim
      local told = redis.pcall('PUBLISH', channels .. home, message)
      -- Nobody listens where somebody was heard before: that process is gone.
      if not (told == 0 and heard == '1') then
        redis.call('SET', lock, value(owner, token), 'PX', claim)
        return owner, token, false
      end
    end
  end

  -- A place in the line, or the one it has.
  local function stand(line, owner, lease, heard)
    local member, other = lease .. ' 1 ' .. owner, lease .. ' 0 ' .. owner
    if heard ~= '1' then member, other = other, member end
    if not redis.call('ZSCORE', line, member) then
      local place = redis.call('ZSCORE', line, other)
      if place then
        redis.call('ZREM', line, other)
      else
        local last = redis.call('ZREVRANGE', line, 0, 0, 'WITHSCORES')[2]
        place = string.format('%.0f', after(last and tonumber(last)))
      end
      redis.call('ZADD', line, place, member)
    end
    -- The line outlives its waiters' pauses between two questions, but not the waiters.
    local linger = math.max(tonumber(lease), 1500)
    if redis.call('PTTL', line) < linger then redis.call('PEXPIRE', line, linger) end
    return member
  end

  local function acquire(lock, line, owner, lease, heard, waits)
    local held = redis.call('GET', lock)
    local mine = tokenOf(held, owner)
    if mine then
      -- Asked before: the same answer.
      redis.call('PEXPIRE', lock, lease)
      return mine
    end
    local member = waits and stand(line, owner, lease, heard)
    local ride
    if not held then
      local chosen, token, rides = promote(lock, line, floors[lock], owner)
      if not chosen then
        token = after(floors[lock])
        redis.call('SET', lock, value(owner, token), 'PX', lease)
      end
      if not chosen or chosen == owner then return token end
      if rides then ride = { chosen, token } end
      held = value(chosen, token)
    end
    local place = member and redis.call('ZRANK', line, member) or 0
    return { held, redis.call('PTTL', lock), place, now, ride }
  end

  local function release(lock, line, owner, lease, used)
    local token = tokenOf(redis.call('GET', lock), owner)
    if not token then
      redis.call('ZREM', line, lease .. ' 0 ' .. owner, lease .. ' 1 ' .. owner)
      return 0
    end
    local last = math.max(token, tonumber(used))
    local chosen, given, rides = promote(lock, line, last, '')
    if not chosen then
      floors[lock] = last
      redis.call('DEL', lock)
    end
    return rides and { { chosen, given } } or 1
  end

  local function extend(lock, owner, lease)
    if not tokenOf(redis.call('GET', lock), owner) then return 0 end
    return redis.call('PEXPIRE', lock, lease)
  end

  return function(operation, lock, line, owner, lease, detail)
    if operation == 'a' then return acquire(lock, line, owner, lease, detail, true) end
    if operation == 'r' then return release(lock, line, owner, lease, detail) end
    if operation == 'e' then return extend(lock, owner, lease) end
    if operation == 't' then return acquire(lock, line, owner, lease, detail, false) end
    return { redis.call('GET', lock) or '', redis.call('PTTL', lock), redis.call('ZCARD', line) }
  end
end

local handle

local function perform(lock, operation, owner, lease, detail, lineAt)
  local line = lineAt == '0' and '{' .. lock .. '}:line' or ARGV[tonumber(lineAt)]
  owner = process .. '.' .. owner
  if operation == 'a' or operation == 't' then
    if not now then readClock() end
    if not floors[lock] and redis.call('EXISTS', line) == 0 and
      redis.call('SET', lock, owner .. ' ' .. nowText, 'NX', 'PX', lease) then
      return now
    end
  elseif operation == 'r' and redis.call('EXISTS', line) == 0 and
    redis.call('GET', lock) == owner .. ' ' .. detail then
    floors[lock] = tonumber(detail)
    return redis.call('DEL', lock)
  end
  if not now then readClock() end
  if not handle then handle = unusual() end
  return handle(operation, lock, line, owner, lease, detail)
end

local replies, i = {}, 0
for operation, owner, lease, detail, lineAt in
  string.gmatch(ARGV[3], '(%a) (%w+) (%d+) (%d+) (%d+)') do
  i = i + 1
  local fine, reply = pcall(perform, KEYS[i], operation, owner, lease, detail, lineAt)
  if fine then
    replies[i] = reply
  elseif type(reply) == 'table' then
    replies[i] = { err = reply.err }
  else
    replies[i] = redis.error_reply(tostring(reply))
  end
end
return replies
`;

/** The name under which Redis knows the script once it has seen it. */
export const LOCK_SCRIPT_SHA = createHash('sha1').update(LOCK_SCRIPT).digest('hex');
