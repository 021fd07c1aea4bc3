import type { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { LockUsageError } from '../lock/lock.errors.js';
import { DEFAULT_HTTP_STATUS, type LockHttpStatus } from '../locked/context/http-answer.js';
import { GraphqlContext } from '../locked/context/graphql-context.js';
import { HttpContext } from '../locked/context/http-context.js';
import { RpcContext } from '../locked/context/rpc-context.js';
import { WsContext } from '../locked/context/ws-context.js';
import { filterGateways } from '../locked/gateway-filter.js';
import { LockErrorFilter } from '../locked/locked.filter.js';
import { LockedInterceptor } from '../locked/locked.interceptor.js';

/** The statuses of each application that has its interceptor and its filter. */
const applications = new WeakMap<ApplicationConfig, LockHttpStatus>();

/**
 * Has an application keep the locks of its handlers, and answer their errors: once, however many
 * registrations it has.
 * @throws LockUsageError when two of them ask for different HTTP statuses
 */
export function keepHandlerLocks(
  config: ApplicationConfig,
  host: HttpAdapterHost,
  modules: ModulesContainer,
  asked: LockHttpStatus,
): void {
  const known = applications.get(config);
  if (known) {
    settle(known, asked);
    return;
  }
  const status = { ...asked };
  applications.set(config, status);
  const contexts = [
    new HttpContext(host, status),
    new GraphqlContext(),
    new RpcContext(),
    new WsContext(),
  ];
  // Here, and not as APP_INTERCEPTOR: that comes after those of the root module, and a transaction
  // of theirs would commit after its lock was given back.
  config.addGlobalInterceptor(new LockedInterceptor(contexts));
  config.addGlobalFilter(new LockErrorFilter(contexts));
  filterGateways(modules);
}

function settle(known: LockHttpStatus, asked: LockHttpStatus): void {
  const names = Object.keys(DEFAULT_HTTP_STATUS) as (keyof LockHttpStatus)[];
  for (const name of names) {
    if (asked[name] === DEFAULT_HTTP_STATUS[name] || asked[name] === known[name]) continue;
    if (known[name] !== DEFAULT_HTTP_STATUS[name]) {
      throw new LockUsageError(
        `httpStatus.${name} is ${known[name]} in one lock module and ${asked[name]} in another: it is one for the application`,
      );
    }
    known[name] = asked[name];
  }
}
