import { type ListOptions } from '../lock-store.js';
import { faultOf, noAnswer } from './protocol/reply-errors.js';
import { isCluster, type RedisClient } from './redis-client.js';

interface KeyPage {
  readonly keys: string[];
  readonly cursor: string | undefined;
}

/**
 * One page of the keys of locks. A cursor is `node-cursor`: the place of the node among those of a
 * Cluster, and where its SCAN goes on.
 */
export async function listKeys(
  client: RedisClient,
  namePrefix: string,
  { prefix = '', cursor = '0-0', limit = 100 }: ListOptions,
): Promise<KeyPage> {
  const nodes = isCluster(client) ? client.nodes('master') : [client];
  const [node, from = ''] = cursor.split('-');
  const at = Number(node);
  const chosen = nodes[at];
  if (!chosen || !/^\d+$/.test(from)) throw new Error(`no such cursor: ${JSON.stringify(cursor)}`);

  // SCAN knows nothing of the prefix that the client puts in front of keys.
  const begin = `${client.options.keyPrefix ?? ''}${namePrefix}`;
  const pattern = `${escapeGlob(begin + prefix)}*`;
  const [next, names] = await scan(chosen, from, pattern, limit);
  const keys = names.map((name) => name.slice(begin.length));
  if (next !== '0') return { keys, cursor: `${at}-${next}` };
  return { keys, cursor: at + 1 < nodes.length ? `${at + 1}-0` : undefined };
}

async function scan(
  client: RedisClient,
  from: string,
  pattern: string,
  count: number,
): Promise<[next: string, names: string[]]> {
  try {
    const reply = await client.scan(from, 'MATCH', pattern, 'COUNT', count);
    return reply as [string, string[]];
  } catch (error) {
    const problem = error instanceof Error ? error : new Error(String(error));
    if (faultOf(problem) === 'refused') throw problem;
    throw noAnswer(problem);
  }
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, '\\$&');
}
