import type { Node } from './node.ts';

/** One Binder device: a context manager, and a world of nodes that nobody outside it can refer to. */
export class Context {
  /** The device's name, for logs. */
  readonly name: string;
  /** The node that handle 0 means, while its owner lives. */
  manager: Node | null = null;
  /** The user id of the first manager. Only that user may become manager again, for the life of the device. */
  managerUid: number | null = null;

  constructor(name: string) {
    this.name = name;
  }
}
