import { TOKEN_RANGE } from './limits.js';

/**
 * The part of the script that reads a key, in whichever form it is: Lua for the local function
 * `load(lock, value)`, where `value` is what GET has already said of it, if it was asked. From around it
 * it knows `nowMs`, `WAITER` (the score from which on a member waits) and `frozen`.
 */
export const LOAD = `-- The key is somebody else's: says whose, where that can be told.
      local function refuse(lock, problem)
        if problem and not string.find(problem.err, '^WRONGTYPE') then error(problem) end
        local kind = redis.call('TYPE', lock).ok
        local whose = kind == 'hash' and ', as Redisson keeps its locks' or
          kind == 'zset' and ', as redis-semaphore keeps its semaphores' or ''
        error({ err = 'WRONGTYPE the key of the lock holds a ' .. kind ..
          ' that is not of nest-locked' .. whose .. '; give one of them another prefix' })
      end

      -- What is known of a key: its last token, who holds it, the first who wait.
      local function load(lock, value)
        local key = { lock = lock, last = 0, holders = {}, waiters = {}, gone = {} }
        local part = not value and redis.pcall('ZRANGE', lock, 0, 3, 'WITHSCORES')
        if not part or part.err then
          value = value or redis.pcall('GET', lock)
          if type(value) == 'string' then
            local owner, token = string.match(value, '^(%S+#%S+) (%d+)$')
            local left = redis.call('PTTL', lock)
            if owner and left >= 0 then
              key.kind, key.last = 'string', tonumber(token)
              key.holders[1] = { owner = owner, token = key.last, text = token, flag = 'h', left = left }
              return key
            end
            local free = string.match(value, '^free (%d+)$')
            key.kind, key.last, key.left = free and 'string' or 'foreign', tonumber(free or 0), left
            return key
          end
          if part then refuse(lock, part) end
          if not string.find(value.err, '^WRONGTYPE') then error(value) end
          part = redis.pcall('ZRANGE', lock, 0, 3, 'WITHSCORES')
        end
        if part[1] ~= '#' then
          if #part == 0 then return key end
          refuse(lock)
        end

        key.kind, key.saved = 'set', -tonumber(part[2])
        key.last, key.more = key.saved, #part > 6
        if key.more and tonumber(part[8]) < WAITER then
          part = redis.call('ZRANGEBYSCORE', lock, '-inf', WAITER, 'WITHSCORES')
        end
        for at = 3, #part, 2 do
          local member, score = part[at], tonumber(part[at + 1])
          if score >= WAITER then
            key.waiters[#key.waiters + 1] = member
          else
            local owner, token, flag = string.match(member, '^(%S+) (%d+) (%l)$')
            if score > nowMs then
              key.holders[#key.holders + 1] =
                { owner = owner, token = tonumber(token), text = token, flag = flag, left = score - nowMs, member = member }
            else
              key.gone[#key.gone + 1] = member
              key.last = math.max(key.last, tonumber(token) + ${TOKEN_RANGE})
              -- Told by message and never heard of since.
              local home = flag == 'c' and string.match(owner, '^(.*)%.')
              if home and home ~= process then
                frozen = frozen or {}
                frozen[home] = true
              end
            end
          end
        end
        return key
      end`;
