/** One line of MONITOR. */
export interface Monitored {
  readonly args: readonly string[];
  /** `lua` for what a script does, else the address of the client that sent it. */
  readonly source: string;
}

/** What names no key. */
const KEYLESS = new Set(['TIME', 'PUBLISH', 'SPUBLISH', 'PUBSUB']);

/** `key by COMMAND` for each key that a script touched and its call did not declare. */
export function undeclaredKeys(lines: readonly Monitored[]): string[] {
  const found: string[] = [];
  let declared = new Set<string>();
  for (const { args, source } of lines) {
    const [name = '', first = '', second = ''] = args;
    const command = name.toUpperCase();
    if (source !== 'lua') {
      if (command === 'EVAL' || command === 'EVALSHA') {
        declared = new Set(args.slice(3, 3 + Number(second)));
      }
    } else if (!KEYLESS.has(command) && !declared.has(first)) {
      // All that these scripts call has one key, as its first argument.
      found.push(`${first} by ${command}`);
    }
  }
  return found;
}
