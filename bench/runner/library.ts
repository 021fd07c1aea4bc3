import { existsSync, readFileSync } from 'node:fs';

/** Where the bench's own redis-server listens, and the times that every contender gets alike. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** The lease in ms. */
  readonly leaseTime: number;
  /** How long a `tuned` contender may wait, in ms; a `default` one does what its package does. */
  readonly waitTime: number;
}

/** A lock that its library keeps renewed. */
export interface RenewedLock {
  isHeld(): boolean;
  release(): Promise<unknown>;
}

/** One library behind one connection: all that the scenarios know of it. */
export interface LockAdapter<Handle = unknown> {
  /** Rejects when the library gives up. */
  acquire(key: string): Promise<Handle>;
  release(handle: Handle): Promise<unknown>;
  /** The fencing token, where there is one; it must grow from holder to holder. */
  token?(handle: Handle): number;
  /** Takes a lock that is renewed until released, where the library can do that. */
  acquireRenewed?(key: string): Promise<RenewedLock>;
  /** Cuts the connections; what still waits fails or is forgotten. */
  close(): void | Promise<void>;
}

export type Kind = 'floor' | 'ours' | 'peer';
export type VariantName =
  | 'default'
  | 'tuned'
  | 'fair'
  | 'shared'
  | 'limit 8'
  | 'no groups'
  | 'from 32, two at a time'
  | 'from 4, in four parts'
  | 'from 2, in eight';

export interface Variant {
  readonly name: VariantName;
  /** What is set, in the library's own words; shown in the report. */
  readonly settings: string;
}

export interface Library {
  readonly name: string;
  readonly kind: Kind;
  /** The folder below bench/node_modules; absent for the floors and ours. */
  readonly package?: string;
  readonly variants: readonly Variant[];
  /** The command by which it asks for a lock: tells its questions from what scripts call inside. */
  readonly asks: 'SET' | 'script';
  /** Shown in the report. */
  readonly note?: string;
  open(target: Target, variant: VariantName): Promise<LockAdapter>;
}

/** One library with one setting: a row of a table. */
export interface Contender {
  readonly id: string;
  readonly label: string;
  readonly library: Library;
  readonly variant: VariantName;
}

export function contendersOf(library: Library): Contender[] {
  return library.variants.map(({ name }) => ({
    id: `${library.name}/${name}`,
    label: name === 'default' ? library.name : `${library.name} (${name})`,
    library,
    variant: name,
  }));
}

/**
 * Imports a peer by name, with the few members the adapter uses as its type: a peer that is not
 * there, or whose types are broken, costs its own row and not the run.
 */
export async function load<Module>(name: string): Promise<Module> {
  return (await import(name)) as Module;
}

/** The installed version of a package, or undefined. */
export function versionOf(folder: string): string | undefined {
  for (const root of ['..', '../..']) {
    const path = new URL(`${root}/node_modules/${folder}/package.json`, import.meta.url);
    if (!existsSync(path)) continue;
    return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version.replace(
      /^v/,
      '',
    );
  }
  return undefined;
}
