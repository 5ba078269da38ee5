// Written by `ubinder aidl` from android/os/ServiceWithMetadata.aidl: change that, not this.
import * as ub from '../../../runtime/index.ts';

/** A service, and what its caller should know of it. */
export interface ServiceWithMetadata {
  /** Null where there is none of the name. */
  service: ub.Ref | null;
  /** It may end when it has no clients: do not keep it in a cache. */
  isLazyService: boolean;
}

export namespace ServiceWithMetadata {
  /** What is accepted for one: fields that have a default may be missing. */
  export interface Init {
    service?: ub.Ref | null | undefined;
    isLazyService?: boolean | undefined;
  }
}

export const ServiceWithMetadata: ub.ParcelableType<ServiceWithMetadata, ServiceWithMetadata.Init> =
  ub.defineParcelable('android.os.ServiceWithMetadata', {
    format: 1,
    fields: [
      ['service', { nullable: 'IBinder' }],
      ['isLazyService', 'boolean'],
    ],
  });
