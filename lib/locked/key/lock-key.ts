/** Makes a key, or several, of the arguments of a call; `undefined`: no lock for this call. */
export type KeyFunction<A extends readonly unknown[] = readonly unknown[]> = (
  ...args: A
) => string | readonly string[] | undefined;

/**
 * What `@Locked` locks: a template, several templates, or a function of the method's arguments.
 *
 * In a template `<0>` stands for the first argument, `<1.id>` for a property of the second,
 * `<0.lines.0.sku>` for one deep inside: own properties and indexes only. A value must be a
 * non-empty string, a finite number, a bigint, a boolean, or an object whose class has a `toString`
 * that says something (an ObjectId, a UUID, a Date as ISO); anything else is refused with
 * `LockKeyError`.
 *
 * Values that read differently give different keys: inside a value `%`, `{`, `}` and the
 * character that follows the placeholder are percent-encoded, and no more than that. `1`, `1n` and
 * `'1'` read alike and are one key. A `%` directly after a placeholder is doubled.
 *
 * What looks like a placeholder of another notation (`${id}`, `#{id}`, `{id}`, `:id`) is refused when the
 * class is defined: it would be one lock for everybody.
 *
 * The key a function returns is taken as it is; `undefined` lets the call run without a lock. A key
 * has 1 to 1024 bytes.
 *
 * @example
 * ```ts
 * @Locked('order:<0>')                                        // one key
 * @Locked(['account:<0.from>', 'account:<0.to>'])             // both, or none
 * @Locked((order: Order) => `order:${order.tenant}:${order.id}`)
 * @Locked((order: Order) => (order.isDraft ? undefined : `order:${order.id}`)) // drafts: no lock
 * ```
 */
export type LockKey<A extends readonly unknown[] = readonly unknown[]> =
  string | readonly string[] | KeyFunction<A>;

/** Gives the key or keys of one call; `undefined`: it needs no lock. */
export type KeyRenderer = (
  args: readonly unknown[],
  instance: unknown,
) => string | readonly string[] | undefined;

/** Gives one key of the arguments of one call. */
export type TemplateRenderer = (args: readonly unknown[]) => string;

/** Turns one argument into the text that stands for it in a key. */
export type PartRenderer = (value: unknown) => string;
