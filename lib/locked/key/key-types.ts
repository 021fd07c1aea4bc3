/**
 * What is wrong with a key for a method with the parameters `A`, in words; `unknown` when nothing is,
 * as far as types can tell. Of several problems the first.
 */
export type KeyProblem<K, A extends readonly unknown[]> = K extends string
  ? TemplateProblem<K, A>
  : K extends readonly string[]
    ? ListProblem<K, A>
    : K extends (...args: infer P) => unknown
      ? ParametersProblem<P, A, 'the key function'>
      : unknown;

/** A function of a method's first arguments must not expect others than the method has. */
export type ParametersProblem<
  P extends readonly unknown[],
  A extends readonly unknown[],
  Who extends string,
> = A extends readonly [...P, ...unknown[]]
  ? unknown
  : `${Who} does not take the arguments of this method`;

type ListProblem<
  L extends readonly string[],
  A extends readonly unknown[],
> = number extends L['length']
  ? unknown
  : L extends readonly [infer First extends string, ...infer Rest extends readonly string[]]
    ? unknown extends TemplateProblem<First, A>
      ? ListProblem<Rest, A>
      : TemplateProblem<First, A>
    : unknown;

/** From one placeholder to the next. A template that is not known before the program runs is not looked at. */
type TemplateProblem<
  T extends string,
  A extends readonly unknown[],
> = T extends `${string}<${infer Inside}>${infer Rest}`
  ? unknown extends PlaceholderProblem<Inside, A>
    ? TemplateProblem<Rest, A>
    : PlaceholderProblem<Inside, A>
  : unknown;

type PlaceholderProblem<
  Inside extends string,
  A extends readonly unknown[],
> = Inside extends `${infer Index}.${infer Path}`
  ? PathProblem<Argument<A, Index>, Path, Inside, Index>
  : ValueProblem<Argument<A, Inside>, Inside>;

/** No such argument. */
interface Missing {
  readonly missing: unique symbol;
}

type Argument<A extends readonly unknown[], Index extends string> = number extends A['length']
  ? Index extends keyof A
    ? A[Index]
    : A[number]
  : Index extends keyof A
    ? A[Index]
    : Missing;

type IsAny<V> = 0 extends 1 & V ? true : false;
type IsOpen<V> = IsAny<V> extends true ? true : unknown extends V ? true : false;

type PathProblem<V, Path extends string, Inside extends string, At extends string> =
  IsOpen<V> extends true
    ? unknown
    : [V] extends [Missing]
      ? NoArgument<Inside>
      : [Extract<V, null | undefined>] extends [never]
        ? Path extends `${infer Name}.${infer Rest}`
          ? Name extends PropertyOf<V>
            ? PathProblem<PropertyValue<V, Name>, Rest, Inside, `${At}.${Name}`>
            : NoProperty<Inside, At, Name>
          : Path extends PropertyOf<V>
            ? ValueProblem<PropertyValue<V, Path>, Inside>
            : NoProperty<Inside, At, Path>
        : `<${Inside}>: <${At}> may be ${Absent<V>}: use a key function that says what to lock then`;

/** By which names a placeholder may go on, as text. */
type PropertyOf<V> = [V] extends [readonly unknown[]]
  ? `${number}`
  : keyof V extends infer Name
    ? Name extends string | number
      ? `${Name}`
      : never
    : never;

type PropertyValue<V, Name extends string> = V extends readonly (infer Element)[]
  ? Element
  : Name extends keyof V
    ? V[Name]
    : Name extends `${infer Index extends number}`
      ? Index extends keyof V
        ? V[Index]
        : unknown
      : unknown;

/** What may stand in a key: see `LockKey`. */
type ValueProblem<V, Inside extends string> =
  IsOpen<V> extends true
    ? unknown
    : [V] extends [Missing]
      ? NoArgument<Inside>
      : [Extract<V, null | undefined>] extends [never]
        ? [Unprintable<V>] extends [never]
          ? unknown
          : `<${Inside}> is an object or a list: name what tells it from others, such as <${Inside}.id>`
        : `<${Inside}> may be ${Absent<V>}: use a key function that says what to lock then`;

/** Of a union, what has no text of its own. */
type Unprintable<V> = V extends string | number | bigint | boolean
  ? never
  : V extends readonly unknown[] | ArrayBufferView | ((...args: never[]) => unknown) | symbol
    ? V
    : 'toString' extends keyof V
      ? never
      : V;

type Absent<V> = null extends V ? 'null' : 'undefined';
type NoArgument<Inside extends string> = `<${Inside}>: the method has no such argument`;
type NoProperty<
  Inside extends string,
  At extends string,
  Name extends string,
> = `<${Inside}>: <${At}> has no property "${Name}"`;
