import { createHash } from 'node:crypto';

/**
 * What one entry of a call asks for.
 * - `acquire`: the lock, or a place in the line; sent twice it has one effect and one answer
 * - `query`: the same again, by one who may stand in line: the place is kept
 * - `try`: the lock, if it is free and nobody waits
 * - `release`: gives the lock to the next in line, or leaves the line
 * - `extend`: the lease anew
 * - `inspect`: who holds it, how many wait
 */
export type Operation = 'acquire' | 'query' | 'try' | 'release' | 'extend' | 'inspect';

/** What the channel of a process's inbox begins with. */
export const INBOX = 'nest-locked:inbox:';

/** The longest lease, in ms, that a lock handed over starts with; the renewal lengthens it. */
export const CLAIM_TIME = 3_000;

/**
 * Many lock operations in one call, in order; a fault in one is that one's alone.
 *
 * KEYS    for entry i: KEYS[i] the lock; its line is `{lock}:line`, in the same slot
 * ARGV    [1] the asking process,
 *         [2] the entries, five words each, for one string costs the client less than many:
 *             operation (its first letter), owner (what follows the process in it), lease in ms,
 *             detail, line
 *             detail of acquire and query: 1 when the process's inbox has proved that its messages
 *             arrive and are counted; of release: the last token used, 0 to leave the line
 *             line: 0, or where in ARGV its name stands, when the usual name is in another slot
 *         [3…] such names
 * reply   for each entry, in a list if there are several
 *         acquire, query, try   the token, granted
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
 * A closure, a table and a call of Redis cost about as much as each other here, a third of a
 * microsecond and more. So what happens most, a free key taken and given back with nobody waiting,
 * stands in the loop and creates nothing; the rest is only built when it is needed.
 */
export const LOCK_SCRIPT = `
local process = ARGV[1]
local nowText, handle
local replies = KEYS[2] and {}
-- Tokens of locks that were let go in this very call, while the clock stood still.
local floors = KEYS[2] and {}
local _, stop, operation, id, lease, detail, lineAt = nil, 0

for i = 1, #KEYS do
  _, stop, operation, id, lease, detail, lineAt =
    string.find(ARGV[2], '(%a) (%w+) (%d+) (%d+) (%d+)', stop + 1)
  local lock, owner, reply = KEYS[i], process .. '.' .. id, nil
  local line = lineAt == '0' and '{' .. lock .. '}:line' or ARGV[tonumber(lineAt)]

  if operation == 'r' and redis.pcall('GET', lock) == owner .. ' ' .. detail and
    redis.pcall('EXISTS', line) == 0 then
    reply = redis.pcall('DEL', lock)
    if floors then floors[lock] = tonumber(detail) end
  end
  if not reply and not nowText then
    local time = redis.call('TIME')
    nowText = time[1] .. (#time[2] == 6 and time[2] or string.format('%06d', time[2]))
  end
  if (operation == 'a' or operation == 't') and not (floors and floors[lock]) and
    redis.pcall('EXISTS', line) == 0 then
    local set = redis.pcall('SET', lock, owner .. ' ' .. nowText, 'NX', 'PX', lease)
    if set and set.ok then reply = nowText end
  end

  if not reply then
    handle = handle or (function()
      local now, joined = tonumber(nowText), 0

      -- Gives the lock to the first in line that is still there: returns owner and token, and
      -- whether it is another waiter of the asking process, to be told by the reply.
      local function promote(lock, line, last, asker)
        local token = last and last >= now and last + 1 or now
        local tokenText = string.format('%.0f', token)
        while true do
          local head = redis.call('ZPOPMIN', line)[1]
          if not head then return nil end
          local lease, heard, home, id = string.match(head, '^(%d+) (%d) (.*)%.(%w+)$')
          local owner = home .. '.' .. id
          local value = owner .. ' ' .. tokenText
          if home == process then
            redis.call('SET', lock, value, 'PX', lease)
            return owner, token, owner ~= asker
          end
          if tonumber(lease) > ${CLAIM_TIME} then lease = '${CLAIM_TIME}' end
          local told = redis.pcall('PUBLISH', '${INBOX}' .. home, value .. ' ' .. nowText .. ' ' .. lease)
          -- Nobody listens where somebody was heard before: that process is gone.
          if not (told == 0 and heard == '1') then
            redis.call('SET', lock, value, 'PX', lease)
            return owner, token, false
          end
        end
      end

      -- Puts an owner into the line and returns its member; one that stands there keeps its place.
      local function stand(line, owner, lease, heard, again)
        local member, place = lease .. ' ' .. heard .. ' ' .. owner, nil
        if again then
          local other = lease .. ' ' .. (1 - heard) .. ' ' .. owner
          place = redis.call('ZSCORE', line, other)
          if place then redis.call('ZREM', line, other) end
        end
        if not place then
          -- Those of one call come one behind the other.
          joined = joined + 1
          place = string.format('%.0f', now + joined)
        end
        redis.call('ZADD', line, 'NX', place, member)
        -- The line outlives its waiters' pauses between two questions, but not the waiters.
        local linger = math.max(tonumber(lease), 1500)
        if redis.call('PTTL', line) < linger then redis.call('PEXPIRE', line, linger) end
        return member
      end

      return function(operation, lock, line, owner, lease, detail)
        local held = redis.call('GET', lock)
        local token = held and string.sub(held, 1, #owner + 1) == owner .. ' ' and
          tonumber(string.sub(held, #owner + 2))
        local last = floors and floors[lock]
        if last then held, token = false, false end

        if operation == 'a' or operation == 'q' or operation == 't' then
          if token then
            -- Asked before: the same answer.
            redis.call('PEXPIRE', lock, lease)
            return token
          end
          local member = operation ~= 't' and stand(line, owner, lease, detail, operation == 'q')
          local ride
          if not held then
            local chosen, given, rides = promote(lock, line, last, owner)
            if not chosen then
              given = last and last >= now and last + 1 or now
              redis.call('SET', lock, owner .. ' ' .. string.format('%.0f', given), 'PX', lease)
            end
            if last then floors[lock] = nil end
            if not chosen or chosen == owner then return given end
            if rides then ride = { chosen, given } end
            held = chosen .. ' ' .. string.format('%.0f', given)
          end
          local place = member and redis.call('ZRANK', line, member) or 0
          return { held, redis.call('PTTL', lock), place, now, ride }
        end

        if operation == 'r' then
          if not token then
            redis.call('ZREM', line, lease .. ' 0 ' .. owner, lease .. ' 1 ' .. owner)
            return 0
          end
          last = math.max(token, tonumber(detail))
          local chosen, given, rides = promote(lock, line, last, '')
          if not chosen then
            if floors then floors[lock] = last end
            if last < now then
              redis.call('DEL', lock)
            else
              -- Tokens were handed out faster than one a microsecond. Until the clock has passed
              -- them the lock is not forgotten, for the next token is to be larger.
              redis.call('PEXPIRE', lock, math.floor((last - now) / 1000) + 1)
            end
          end
          return rides and { { chosen, given } } or 1
        end

        if operation == 'e' then return token and redis.call('PEXPIRE', lock, lease) or 0 end
        return { held or '', redis.call('PTTL', lock), redis.call('ZCARD', line) }
      end
    end)()
    local fine
    fine, reply = pcall(handle, operation, lock, line, owner, lease, detail)
    if not fine then
      reply = type(reply) == 'table' and { err = reply.err } or redis.error_reply(tostring(reply))
    end
  end
  if not replies then return reply end
  replies[i] = reply
end
return replies
`;

/** The name under which Redis knows the script once it has seen it. */
export const LOCK_SCRIPT_SHA = createHash('sha1').update(LOCK_SCRIPT).digest('hex');
