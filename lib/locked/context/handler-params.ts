import type { ExecutionContext } from '@nestjs/common';

/** Where `@Res`, `@Next` and the like are written down, as `type:index`. */
const PARAMS = '__routeArguments__';
const RESPONSE = 1;
const NEXT = 2;
const PASSTHROUGH = '__responsePassthrough__';

/** Whether a handler takes the response, by `@Res()` or `@Next()`, so that Nest sends no answer of its own. */
export function answersItself(context: ExecutionContext): boolean {
  const owner = context.getClass();
  const { name } = context.getHandler();
  if (Reflect.getMetadata(PASSTHROUGH, owner, name) === true) return false;
  const params = Reflect.getMetadata(PARAMS, owner, name) as object | undefined;
  const types = Object.keys(params ?? {}).map((param) => Number.parseInt(param, 10));
  return types.includes(RESPONSE) || types.includes(NEXT);
}
