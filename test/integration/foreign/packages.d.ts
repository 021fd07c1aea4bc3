// What is used here of packages that bring no types, or none that this project's way of resolving finds.

declare module 'redlock4' {
  import type { Redis } from 'ioredis';

  interface Lock {
    extend(ttl: number): Promise<Lock>;
    unlock(): Promise<void>;
  }
  export default class Redlock {
    constructor(clients: Redis[], options?: { retryCount?: number; retryDelay?: number });
    lock(resource: string, ttl: number): Promise<Lock>;
  }
}

declare module 'redlock5' {
  import type { Redis } from 'ioredis';

  interface Lock {
    extend(duration: number): Promise<Lock>;
    release(): Promise<unknown>;
  }
  export default class Redlock {
    constructor(clients: Redis[], settings?: { retryCount?: number });
    acquire(resources: string[], duration: number): Promise<Lock>;
    on(event: 'error', listener: (error: Error) => void): this;
  }
}
