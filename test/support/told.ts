import type { AttemptListener, Grant } from '../../lib/stores/lock-store.js';

/** A listener that notes what it is told. */
export class Told implements AttemptListener {
  readonly words: string[] = [];
  grant: Grant | undefined;
  error: Error | undefined;

  granted(grant: Grant): void {
    this.words.push('granted');
    this.grant = grant;
  }

  refused(): void {
    this.words.push('refused');
  }

  failed(error: Error): void {
    this.words.push('failed');
    this.error = error;
  }
}
