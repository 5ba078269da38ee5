// Written by `ubinder aidl` from android/os/ServiceDebugInfo.aidl: change that, not this.
import * as ub from '../../../runtime/index.ts';

/** Who serves a name. */
export interface ServiceDebugInfo {
  name: string;
  /** The process that registered it. */
  debugPid: number;
}

export namespace ServiceDebugInfo {
  /** What is accepted for one: fields that have a default may be missing. */
  export interface Init {
    name?: string | undefined;
    debugPid?: number | undefined;
  }
}

export const ServiceDebugInfo: ub.ParcelableType<ServiceDebugInfo, ServiceDebugInfo.Init> =
  ub.defineParcelable('android.os.ServiceDebugInfo', {
    format: 1,
    fields: [
      ['name', 'String'],
      ['debugPid', 'int'],
    ],
  });
