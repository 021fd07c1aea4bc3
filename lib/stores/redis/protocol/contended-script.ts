import { LOAD } from './load-script.js';
import { CLAIM_TIME, INBOX, MOST_PASSED_OVER, TOKEN_RANGE } from './limits.js';

/**
 * The part of the script that deals with locks that are held, waited for, or strange: a Lua expression
 * for the function that handles one entry. It is only evaluated in a call that needs it. From around it
 * it knows `process`, `now`, `first`, `op`, `one` and `two`, and the texts of them.
 */
export const CONTENDED = `(function()
      local nowMs, joined, budget = math.floor(now / 1000), 0, ${MOST_PASSED_OVER}
      local WAITER = 1e14
      -- How many listen to the inbox of a process; those that were told and were not heard of since.
      local listeners, frozen = {}, nil

      ${LOAD}

      -- The first of those who wait, from Redis again.
      local function fetch(key)
        if key.gone[1] then
          redis.call('ZREM', key.lock, unpack(key.gone))
          key.gone = {}
        end
        key.waiters = redis.call('ZRANGEBYSCORE', key.lock, WAITER, '+inf', 'LIMIT', 0, 100)
        key.more = #key.waiters == 100
      end

      local function grant(key, owner, lease, flag)
        local token, text = first, firstText
        if key.last >= first then
          token = key.last + 1
          text = string.format('%d', token)
        end
        key.last = token
        key.holders[#key.holders + 1] =
          { owner = owner, token = token, text = text, flag = flag, left = tonumber(lease), changed = true }
        return text
      end

      -- Gives the lock to the first who wait and are still there.
      local function promote(key, asker)
        if frozen and key.kind == 'set' then
          -- All who wait in a process that does not move are passed over, not only the next.
          fetch(key)
          local left = {}
          for _, member in ipairs(key.waiters) do
            local into = frozen[string.match(member, '^(%S*)%.')] and key.gone or left
            into[#into + 1] = member
          end
          key.waiters = left
        end
        while not key.holders[1] do
          if key.more and not key.waiters[1] then fetch(key) end
          local head = key.waiters[1]
          if not head then return end
          local home, id, lease, reach = string.match(head, '^(%S+)%.(%w+) (%d+) (%d)$')
          local isHere, isGone = home == process, false
          if not isHere and frozen and frozen[home] then
            isGone = true
          elseif not isHere and reach == '1' then
            -- Asked before it is told anything: what nobody is counted to hear may arrive all the same,
            -- by replication.
            if not listeners[home] then
              local seen = redis.pcall('PUBSUB', 'NUMSUB', '${INBOX}' .. home)
              listeners[home] = seen.err and 1 or seen[2]
            end
            isGone = listeners[home] == 0
          end
          if isGone then
            if budget == 0 then
              key.unfinished = true
              return
            end
            budget = budget - 1
          elseif isHere then
            local owner = process .. '.' .. id
            local text = grant(key, owner, lease, 'h')
            if owner ~= asker then key.piggybacked = { owner, text } end
          else
            local claim, owner = math.min(tonumber(lease), ${CLAIM_TIME}), home .. '.' .. id
            local text = grant(key, owner, claim, 'c')
            key.told = key.told or {}
            key.told[#key.told + 1] = '${INBOX}' .. home
            key.told[#key.told + 1] = owner .. ' ' .. text .. ' ' .. nowText .. ' ' .. claim
          end
          key.gone[#key.gone + 1] = head
          table.remove(key.waiters, 1)
        end
      end

      -- Writes down what has become of a key, and then tells those it was given to.
      local function save(key, linger)
        local lock, holders = key.lock, key.holders
        local isWaitedFor = key.waiters[1] or key.more
        if not isWaitedFor and not holders[1] then
          if key.kind and key.last >= now then
            -- Hand-overs were faster than one a microsecond, or the clock was stepped back: the next
            -- token is to be larger.
            local left = math.min(1000, math.floor((key.last - now) / 1000) + 1)
            redis.call('SET', lock, 'free ' .. string.format('%d', key.last), 'PX', left)
          elseif key.kind then
            redis.call('DEL', lock)
          end
        elseif not isWaitedFor and not holders[2] and holders[1].flag == 'h' then
          local only = holders[1]
          if only.changed or key.kind == 'set' then
            redis.call('SET', lock, only.owner .. ' ' .. only.text, 'PX', only.left)
          end
        else
          local members
          for _, one in ipairs(holders) do
            linger = math.max(linger, one.left)
            if one.changed then
              local member = one.owner .. ' ' .. one.text .. ' ' .. one.flag
              if one.member and one.member ~= member then key.gone[#key.gone + 1] = one.member end
              members = members or {}
              members[#members + 1] = nowMs + one.left
              members[#members + 1] = member
            end
          end
          if members or key.last ~= key.saved then
            redis.call('ZADD', lock, string.format('%d', -key.last), '#', unpack(members or {}))
          end
          if key.gone[1] then redis.call('ZREM', lock, unpack(key.gone)) end
          -- Holders stay to the end of their lease, waiters over the pauses between two questions.
          if redis.call('PTTL', lock) < linger then redis.call('PEXPIRE', lock, linger) end
        end
        if key.told then
          for at = 1, #key.told, 2 do redis.pcall('PUBLISH', key.told[at], key.told[at + 1]) end
        end
      end

      -- Puts an owner into the queue, or leaves it where it is: its arrival is its place.
      local function join(key, owner, lease, arrival)
        if arrival == '0' then
          -- Those of one call come one behind the other.
          joined = joined + 1
          arrival = string.format('%d', first + joined)
        end
        local member = owner .. ' ' .. lease .. ' ' .. ARGV[3]
        if key.kind == 'string' then
          redis.call('DEL', key.lock)
          local members = {}
          for _, one in ipairs(key.holders) do
            members[#members + 1] = nowMs + one.left
            members[#members + 1] = one.owner .. ' ' .. one.text .. ' ' .. one.flag
          end
          key.kind, key.saved = 'set', key.last
          redis.call('ZADD', key.lock, string.format('%d', -key.last), '#', arrival, member, unpack(members))
        else
          local added = redis.call('ZADD', key.lock, 'NX', arrival, member)
          if two ~= '0' then
            redis.call('ZREM', key.lock, owner .. ' ' .. lease .. ' ' .. (1 - ARGV[3]))
          elseif added == 0 then
            -- The same command, sent again.
            arrival = string.format('%d', redis.call('ZSCORE', key.lock, member))
          end
        end
        return arrival
      end

      local function acquire(key, owner, lease, arrival)
        if key.kind == 'foreign' then return { '', key.left, 0, nowText, '0' } end
        promote(key, owner)
        if not key.holders[1] and not key.waiters[1] then
          local text = grant(key, owner, lease, 'h')
          save(key, 0)
          return text
        end
        if op == 'a' then
          arrival = join(key, owner, lease, arrival)
          if key.holders[1] then
            key.more = true
          else
            fetch(key)
            promote(key, owner)
          end
        end
        save(key, op == 'a' and math.max(tonumber(lease), 1500) or 0)
        local held = key.holders[1]
        if held and held.owner == owner then return held.text end
        local place = op == 'a' and redis.call('ZCARD', key.lock) - #key.holders - 2 or 0
        return { held and held.owner .. ' ' .. held.text or '', held and held.left or 0,
          place, nowText, arrival, key.piggybacked }
      end

      return function(lock, owner, value)
        if op == 'l' then
          -- Before anything else is known of the key: then the rest is as if it had never waited.
          redis.pcall('ZREM', lock, owner .. ' ' .. one .. ' 0', owner .. ' ' .. one .. ' 1')
        end
        local key = load(lock, value)
        local mine, at
        for i, holder in ipairs(key.holders) do
          if holder.owner == owner then mine, at = holder, i end
        end

        if op == 'e' or mine and (op == 'a' or op == 't') then
          if not mine then return 0 end
          -- An acquire that was sent again gets the same answer.
          mine.left, mine.flag, mine.changed = tonumber(op == 'e' and two or one), 'h', true
          save(key, 0)
          return op == 'e' and 1 or mine.text
        end
        if op == 'a' or op == 't' then return acquire(key, owner, one, two) end
        if op == 'i' then
          local waiting = key.kind == 'set' and redis.call('ZCARD', lock) - 1 - #key.holders - #key.gone or 0
          if key.kind == 'foreign' then return { 0, '', key.left } end
          local all = { waiting }
          for _, one in ipairs(key.holders) do
            all[#all + 1] = one.owner .. ' ' .. one.text
            all[#all + 1] = one.left
          end
          return all
        end
        if key.kind == 'foreign' then return 0 end

        local done = op ~= 'p' and (mine or op == 'f' and key.holders[1]) and 1 or 0
        if op == 'f' then
          for _, holder in ipairs(key.holders) do
            key.last = math.max(key.last, holder.token + ${TOKEN_RANGE})
            key.gone[#key.gone + 1] = holder.member
          end
          key.holders = {}
        elseif mine then
          table.remove(key.holders, at)
          key.gone[#key.gone + 1] = mine.member
          key.last = math.max(key.last, mine.token, op == 'r' and tonumber(two) or 0)
        end
        promote(key, '')
        save(key, 0)
        return key.piggybacked and { key.piggybacked } or key.unfinished and 2 or done
      end
    end)()`;
