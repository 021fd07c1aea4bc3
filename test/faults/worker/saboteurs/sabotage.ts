import type { Finding } from '../../history.js';
import type { Subject } from '../subject.js';

/** The locks that must fail, and what each must be found out by. */
export const SABOTAGES = {
  naive: ['overlap'],
  deaf: ['overlap'],
  identity: ['overlap'],
  order: ['closed too long'],
  'silent-loss': ['silent loss'],
  'three-answers': ['wrong answer', 'unlocked work'],
  'open-door': ['overlap'],
  'one-more': ['over the limit'],
  'two-faced': ['believed after hand-off', 'ticket claimed twice'],
} satisfies Record<string, readonly Finding['kind'][]>;

export type Sabotage = keyof typeof SABOTAGES;

/**
 * The fault that shows a promise broken, where only one does: a short campaign may not come to it, and
 * one turn of it may pass well.
 */
export const SHOWN_BY: Readonly<Partial<Record<Sabotage, string>>> = {
  order: 'script flush',
  'silent-loss': 'flushall in short work',
  'three-answers': 'redis refuses',
};

export function isSabotage(name: string): name is Sabotage {
  return Object.hasOwn(SABOTAGES, name);
}

/** Whether the violations are those that the sabotage is meant to make. */
export function givesAway(sabotage: Sabotage, violations: readonly Finding[]): boolean {
  const telling: readonly Finding['kind'][] = SABOTAGES[sabotage];
  return telling.every((kind) => violations.some((violation) => violation.kind === kind));
}

/**
 * What a worker puts to the test. Loaded when asked for, so that a lock of its own needs nothing of
 * the library.
 */
export async function openSubject(
  sabotage: Sabotage | undefined,
  url: string,
  worker: string,
): Promise<Subject> {
  if (sabotage === 'naive') return (await import('./naive-subject.js')).naiveSubject(url);
  if (sabotage === 'order') return (await import('./hasty-subject.js')).hastySubject(url, worker);
  const library = await (await import('../library-subject.js')).librarySubject(url);
  switch (sabotage) {
    case 'deaf':
      return (await import('./deaf-subject.js')).deafSubject(library);
    case 'identity':
      return (await import('./mixed-up-subject.js')).mixedUpSubject(library);
    case 'silent-loss':
      return (await import('./silent-subject.js')).silentSubject(library);
    case 'three-answers':
      return (await import('./confused-subject.js')).confusedSubject(library);
    case 'open-door':
      return (await import('./open-door-subject.js')).openDoorSubject(library);
    case 'one-more':
      return (await import('./one-more-subject.js')).oneMoreSubject(library);
    case 'two-faced':
      return (await import('./two-faced-subject.js')).twoFacedSubject(library);
    case undefined:
      return library;
  }
}
