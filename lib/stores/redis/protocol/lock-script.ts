import { createHash } from 'node:crypto';
import { CONTENDED } from './contended-script.js';
import { MOST_STEPS } from './limits.js';

/**
 * Many lock operations in one call, in order; a fault in one is that one's alone.
 *
 * KEYS    KEYS[i] the lock of entry i. Nothing else is touched.
 * ARGV    [1] the asking process: what its owners begin with
 *         [2] a token that the next ones must exceed, whatever the clock says
 *         [3] 1 when the process's inbox is known to be counted and heard, else 0
 *         [4] the entries, four words each, s six, for one string costs the client less than many:
 *             a id lease arrival     acquire, or wait; asked again, by who waits, with its arrival
 *             t id lease 0           acquire if nobody is in the way and nobody waits
 *             A and T                the same, for a lock that is not exclusive
 *             w id lease arrival     as a or A, but a free key is left to other libraries
 *             r id token last        release; last: the last token used
 *             y id token last        the same, and leave the key free: those who wait are told, and come again
 *             l id lease 0           leave: give up the place in the queue, or the lock if it was granted
 *             e id token lease       extend
 *             s id lease last owner token
 *                                    succeed: take over what another owner was granted; last: the last token used
 *             i 0 0 0                inspect
 *             f 0 0 0                take the lock from all its holders
 *             p 0 0 0                go on passing over waiters that are gone
 * reply   1 or the token alone, when that is the reply to each entry: 1 to r and e, the token to a and t;
 *         otherwise for each entry, in a list if there are several, with that one behind them, and ''
 *         for it
 *         a, t   the token; or { the holder whose lease ends first, its remaining ms, place, now, arrival,
 *                piggybacked grants }
 *                the holder is '-' when the key is free and left to other libraries
 *         r, l, y
 *                1, 0 for not yours; 2 and 3 are these, and go on with p; or { 1 or 0, piggybacked grants }
 *         s      the token, or 0 when that owner does not hold it; or { token, piggybacked grants }
 *         e      1 or 0
 *         f      as r
 *         p      0, or 3 for go on; or { 0, piggybacked grants }
 *         i      { how many wait, holder, its remaining ms, holder, … }
 *         or an error
 *         holder: `owner token`; of another library's, a digest of its value to a and t, '' to i
 *         piggybacked grants: owner, token, owner, … of waiters of the asking process that got the lock
 *
 * A lock that one process holds and nobody waits for is a string `owner token`: any other SET NX lock on
 * the key and ours exclude each other. Everything else is one sorted set under the same key:
 *         #limit                        minus the last token; the limit once one was named, until the key is free
 *         owner token                   a holder; the end of its lease in ms, about 10^12, and half a ms more
 *                                       until who was told by message is heard of
 *         owner lease reach             a waiter; its arrival in µs, about 10^15. reach: as ARGV[3]
 * An owner says by its end in which mode it holds: see owner-mode.ts.
 * A string \`free token\` stays for up to a second when the clock has not passed a token yet.
 *
 * A call of Redis costs a third of a microsecond here and more, and what is created is to be collected.
 * So what happens most, a free key taken and given back with nobody waiting,
 * stands in the loop and creates nothing; the rest is only built when it is needed.
 */
export const LOCK_SCRIPT = `
local process = ARGV[1]
local now, nowText, first, firstText
local handle, listeners, frozen
local budget = ${MOST_STEPS}
local replies
local _, stop, op, id, one, two, from = nil, 0

for i = 1, #KEYS do
  _, stop, op, id, one, two = string.find(ARGV[4], '(%a) (%w+) (%d+) (%d+)', stop + 1)
  local lock, owner, reply, value = KEYS[i], process .. '.' .. id, nil, nil
  from = nil
  if op == 's' then _, stop, from = string.find(ARGV[4], '^ (%S+ %d+)', stop + 1) end

  if op == 'r' or op == 'e' then
    value = redis.pcall('GET', lock)
    if value == owner .. ' ' .. one then
      if op == 'e' then
        reply = redis.pcall('PEXPIRE', lock, two)
      elseif one == two then
        -- A string's token was not ahead of the clock, and was granted in an earlier call.
        reply = redis.pcall('DEL', lock)
      end
    end
  end
  if not reply and not now then
    local time = redis.call('TIME')
    nowText = time[1] .. (#time[2] == 6 and time[2] or string.format('%06d', time[2]))
    now = tonumber(nowText)
    first, firstText = now, nowText
    if tonumber(ARGV[2]) >= now then
      first = tonumber(ARGV[2]) + 1
      firstText = string.format('%d', first)
    end
  end
  -- A token that the clock has not passed is not to be forgotten with the lock: no string for that one.
  if (op == 'a' or op == 't') and first == now then
    local set = redis.pcall('SET', lock, owner .. ' ' .. firstText, 'NX', 'PX', one)
    if set then reply = set.ok and firstText or set end
  end

  if not reply then
    handle = handle or ${CONTENDED}
    local fine
    fine, reply = pcall(handle, lock, owner, value)
    if not fine then
      reply = type(reply) == 'table' and { err = reply.err } or redis.error_reply(tostring(reply))
    end
  end
  -- Mostly all are granted and released: then nothing is said of each.
  if reply ~= 1 and reply ~= firstText and not replies then
    replies = {}
    for before = 1, i - 1 do replies[before] = '' end
  end
  if replies then replies[i] = reply end
end
if not replies then return firstText or 1 end
if not KEYS[2] then return replies[1] end
replies[#replies + 1] = firstText or 1
return replies
`;

/** The name under which Redis knows the script once it has seen it. */
export const LOCK_SCRIPT_SHA = createHash('sha1').update(LOCK_SCRIPT).digest('hex');
