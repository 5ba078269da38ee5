// Written by `ubinder aidl` from android/os/ConnectionInfo.aidl: change that, not this.
import * as ub from '../../../runtime/index.ts';

/** Where a service on another machine listens. */
export interface ConnectionInfo {
  ipAddress: string;
  port: number;
}

export namespace ConnectionInfo {
  /** What is accepted for one: fields that have a default may be missing. */
  export interface Init {
    ipAddress?: string | undefined;
    port?: number | undefined;
  }
}

export const ConnectionInfo: ub.ParcelableType<ConnectionInfo, ConnectionInfo.Init> = ub.defineParcelable(
  'android.os.ConnectionInfo',
  {
    format: 1,
    fields: [
      ['ipAddress', 'String'],
      ['port', 'int'],
    ],
  },
);
