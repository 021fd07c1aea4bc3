/**
 * Calls `listener` with the reason when the client has gone, at once if it is gone already. Returns
 * what ends that.
 */
export type ClientGone = (listener: (reason: string) => void) => () => void;

/** What tells once that it has ended: a response of Node, a socket. */
export interface Closing {
  once(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

/**
 * A client that has gone when `source` says so.
 * @param event what it says then
 * @param isGone whether it has said so already
 */
export function goneWith(
  source: Closing,
  event: string,
  isGone: () => boolean,
  reason: string,
): ClientGone {
  return (listener) => {
    const onGone = (): void => {
      listener(reason);
    };
    if (isGone()) onGone();
    source.once(event, onGone);
    return () => {
      source.removeListener(event, onGone);
    };
  };
}

/** The part of a response of Node that says when its client has gone. */
export interface ClosingResponse extends Closing {
  readonly destroyed?: boolean;
  readonly headersSent?: boolean;
}

/** The response of Node in that of Express, which is one, or of Fastify, which keeps it inside. */
export function nodeResponse(response: unknown): ClosingResponse | undefined {
  const raw = (response as { raw?: unknown } | undefined)?.raw ?? response;
  return isClosing(raw) ? raw : undefined;
}

/** A client that has gone when its request is closed before it was answered. */
export function goneWithResponse(response: ClosingResponse): ClientGone {
  return goneWith(
    response,
    'close',
    () => response.destroyed === true,
    'the client has closed the request',
  );
}

function isClosing(source: unknown): source is Closing {
  const { once, removeListener } = (source ?? {}) as Partial<Closing>;
  return typeof once === 'function' && typeof removeListener === 'function';
}
