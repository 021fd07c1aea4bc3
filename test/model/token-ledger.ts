import type { Grant } from '../../lib/stores/lock-store.js';
import type { ModelEvent, ModelRequest } from './lock-model.js';

/** What a token of a key must exceed, by all that has become of its grants. */
export class TokenLedger {
  private readonly spent = new Map<string, number>();
  /** Grants that stand, or that nobody was told of yet. */
  private readonly open = new Map<ModelRequest, Grant>();
  private readonly used = new Map<ModelRequest, number>();

  /** The last token that is used of a grant which is given back, or goes on under another owner. */
  use(request: ModelRequest, last: number): void {
    this.used.set(request, last);
  }

  /** @returns what is wrong with the tokens of these grants */
  note(
    events: readonly ModelEvent[],
    grantOf: (request: ModelRequest) => Grant | undefined,
  ): string[] {
    const wrong: string[] = [];
    for (const { what, request } of events) {
      // Of one that was left before it was told nobody has used anything.
      const grant = grantOf(request);
      if (!grant) continue;
      if (what === 'granted') {
        const floor = this.floor(request.key);
        if (grant.token <= floor) wrong.push(`${request.id}: ${grant.token} after ${floor}`);
        this.open.set(request, grant);
      } else {
        const last = what === 'returned' ? this.used.get(request) : grant.lastToken;
        this.spend(request.key, last ?? grant.lastToken);
        this.open.delete(request);
      }
    }
    return wrong;
  }

  private floor(key: string): number {
    let floor = this.spent.get(key) ?? 0;
    for (const [request, { lastToken }] of this.open) {
      if (request.key === key) floor = Math.max(floor, lastToken);
    }
    return floor;
  }

  private spend(key: string, token: number): void {
    this.spent.set(key, Math.max(token, this.spent.get(key) ?? 0));
  }
}
