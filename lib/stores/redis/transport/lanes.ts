import { slotOf } from './key-slot.js';
import { Lane } from './lane.js';

/** Keys of one lane travel together: all of them, or, where a server asks for it, those of one slot. */
export class Lanes {
  private readonly only = new Lane();
  private readonly slots = new Map<number, Lane>();

  constructor(
    /** What the client puts in front of all keys. */
    private readonly prefix: string,
    private bySlot: boolean,
  ) {}

  /** The lane of a lock, made when it is first asked for. */
  of(lock: string): Lane {
    if (!this.bySlot) return this.only;
    const slot = slotOf(this.prefix + lock);
    let lane = this.slots.get(slot);
    if (!lane) this.slots.set(slot, (lane = new Lane(slot)));
    return lane;
  }

  find(lock: string): Lane | undefined {
    return this.bySlot ? this.slots.get(slotOf(this.prefix + lock)) : this.only;
  }

  all(): Lane[] {
    return [this.only, ...this.slots.values()];
  }

  /** A lane has nothing in it any more: there are 16 384 slots. */
  forget(lane: Lane): void {
    if (lane.slot !== undefined) this.slots.delete(lane.slot);
  }

  clear(): void {
    this.slots.clear();
    this.only.queue = [];
    this.only.calls.clear();
  }

  /** The server takes keys of one slot at a time. */
  splitBySlot(): void {
    this.bySlot = true;
  }
}
