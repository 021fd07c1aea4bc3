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
  K extends string,
  A extends readonly unknown[],
> = K extends `${string}<${infer Inside}>${infer Rest}`
  ? PlaceholderProblem<Inside, A> extends infer Problem
    ? unknown extends Problem
      ? TemplateProblem<Rest, A>
      : Problem
    : never
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

type Argument<A extends readonly unknown[], Index extends string> = Index extends keyof A
  ? A[Index]
  : number extends A['length']
    ? A[number]
    : Missing;

/** Step by step; the usual one first, for there are many. */
type PathProblem<
  V,
  Path extends string,
  Inside extends string,
  At extends string,
> = Path extends `${infer Name}.${infer Rest}`
  ? Name extends keyof V
    ? PathProblem<V[Name], Rest, Inside, `${At}.${Name}`>
    : StepProblem<V, Name, Inside, At> extends infer Problem
      ? unknown extends Problem
        ? PathProblem<PropertyValue<V, Name>, Rest, Inside, `${At}.${Name}`>
        : Problem
      : never
  : Path extends keyof V
    ? ValueProblem<V[Path], Inside>
    : StepProblem<V, Path, Inside, At> extends infer Problem
      ? unknown extends Problem
        ? ValueProblem<PropertyValue<V, Path>, Inside>
        : Problem
      : never;

/** What is wrong with a step that is no property by its name. */
type StepProblem<V, Name extends string, Inside extends string, At extends string> =
  IsOpen<V> extends true
    ? unknown
    : [V] extends [Missing]
      ? NoArgument<Inside>
      : [Extract<V, null | undefined>] extends [never]
        ? Name extends PropertyOf<V>
          ? unknown
          : `<${Inside}>: <${At}> has no property "${Name}"`
        : `<${Inside}>: <${At}> may be ${Absent<V>}: use a key function that says what to lock then`;

type IsOpen<V> = 0 extends 1 & V ? true : unknown extends V ? true : false;

/** By which names that are no text a placeholder may go on, as text. */
type PropertyOf<V> = [V] extends [readonly unknown[]]
  ? `${number}`
  : keyof V extends infer Name
    ? Name extends number
      ? `${Name}`
      : never
    : never;

type PropertyValue<V, Name extends string> =
  IsOpen<V> extends true
    ? V
    : [V] extends [readonly (infer Element)[]]
      ? Element
      : Name extends `${infer Index extends number}`
        ? Index extends keyof V
          ? V[Index]
          : unknown
        : unknown;

/** What may stand in a key: see `LockKey`. */
type ValueProblem<V, Inside extends string> = [V] extends [string | number | bigint | boolean]
  ? unknown
  : IsOpen<V> extends true
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
