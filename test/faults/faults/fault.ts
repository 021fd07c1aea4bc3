import type { Arena } from '../arena/arena.js';
import type { Random } from '../random.js';

/** One kind of trouble. */
export interface Fault {
  readonly name: string;
  /** Makes trouble once and ends it again; how often it hit something. */
  inject(arena: Arena, random: Random): Promise<number>;
}
