import { Connection, type ConnectionOptions } from '../runtime/connection.ts';
import { PortCarrier } from './port-carrier.ts';
import type { Port } from './port-messages.ts';

export type { Port } from './port-messages.ts';

/**
 * Connects through a MessagePort to a driver in another realm: from a Worker or an iframe to the page or the main thread,
 * which gives the other end of the channel to `LocalDriver.serve`.
 *
 * File descriptors cannot travel. A connection that neither serves nor calls does not keep a Node.js process alive.
 *
 * @throws BinderError CLOSED when the other side closes the port instead of serving it.
 * @example
 * // the page                                          // its Worker
 * const { port1, port2 } = new MessageChannel();       onmessage = async ({ data: port }) => {
 * driver.serve(port1, { uid: 1000 });                    const binder = await connectPort(port);
 * worker.postMessage(port2, [port2]);                    …
 *                                                      };
 */
export async function connectPort(port: Port, options: ConnectionOptions = {}): Promise<Connection> {
  return new Connection(await PortCarrier.open(port), options);
}
