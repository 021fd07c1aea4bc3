/** Where a store tells operators what they should know; Nest's Logger is one. */
export interface StoreLog {
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export const silentLog: StoreLog = {
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
