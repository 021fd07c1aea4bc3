import type { Kind, VariantName } from './library.js';
import type { Spread } from './stats.js';

/** One line of a table: what one contender did in one case. */
export interface Row {
  readonly id: string;
  readonly label: string;
  readonly kind: Kind;
  readonly variant: VariantName;
  /** Over the rounds; a metric that a run did not give is absent. */
  readonly metrics: Readonly<Record<string, Spread>>;
  readonly violations?: number;
  /** Why figures are missing or are bounds only. */
  readonly remark?: string;
  /** The run was cut off or some gave up: its times are not comparable. */
  readonly incomplete?: boolean;
}

export interface Column {
  readonly metric: string;
  readonly title: string;
  readonly unit: 'ms' | 'µs' | 'ratio' | 'per second' | 'bytes' | '%' | 'count' | 'share';
}

/** One table. */
export interface CaseResult {
  readonly scenario: string;
  readonly name: string;
  readonly title: string;
  /** What the case was run with, for plots and the acceptance table. */
  readonly params: Readonly<Record<string, number>>;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

export interface AcceptanceLine {
  readonly scenario: string;
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly met: boolean | undefined;
  readonly bestPeer: string;
}

export interface Meta {
  readonly mode: string;
  readonly date: string;
  readonly seconds: number;
  readonly cpu: string;
  readonly cores: number;
  readonly versions: Readonly<Record<string, string>>;
  /** Contenders that could not be run, and why. */
  readonly absent: Readonly<Record<string, string>>;
  /** What each variant sets. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface BenchResult {
  readonly meta: Meta;
  readonly cases: readonly CaseResult[];
  readonly acceptance: readonly AcceptanceLine[];
}
