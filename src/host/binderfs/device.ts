import { Context } from '../../driver/context.ts';

/** Who may open a device: what stat(2) shows of its file. */
export interface FileOwner {
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
}

/** A Binder device: a name in the mount, and the context behind it, which lives as long as somebody has it open. */
export class Device implements FileOwner {
  /** A byte string. */
  name: string;
  readonly minor: number;
  readonly context: Context;
  mode: number;
  uid: number;
  gid: number;
  /** It has a name in the mount; false once it was unlinked. */
  isLinked = true;
  /** It counts among the devices that there may be. */
  isCounted = true;
  opens = 0;
  /** The user who added it; `null` for those that the mount began with. */
  readonly addedBy: number | null;

  constructor(name: string, minor: number, owner: FileOwner, addedBy: number | null) {
    this.name = name;
    this.minor = minor;
    this.context = new Context(name);
    this.mode = owner.mode;
    this.uid = owner.uid;
    this.gid = owner.gid;
    this.addedBy = addedBy;
  }
}
