// Written by `ubinder aidl` from android/os/Service.aidl: change that, not this.
import * as ub from '../../../runtime/index.ts';
import { ServiceWithMetadata } from './ServiceWithMetadata.ts';

/** What a name stands for: a service, or one who connects to it by other means than Binder. */
export type Service =
  | { tag: 'serviceWithMetadata'; value: ServiceWithMetadata }
  | { tag: 'accessor'; value: ub.Ref | null };

export namespace Service {
  /** What is accepted for one. */
  export type Init =
    | { tag: 'serviceWithMetadata'; value: ServiceWithMetadata.Init }
    | { tag: 'accessor'; value: ub.Ref | null };
}

export const Service: ub.UnionType<Service, Service.Init> = ub.defineUnion('android.os.Service', {
  format: 1,
  fields: [
    ['serviceWithMetadata', () => ServiceWithMetadata],
    ['accessor', { nullable: 'IBinder' }],
  ],
});
