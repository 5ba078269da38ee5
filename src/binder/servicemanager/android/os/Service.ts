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

  export type Tag = ub.EnumValue<typeof Service_Tag_members>;

  /** Service itself, with its constants and the types in it. */
  export interface Type extends ub.UnionType<Service, Service.Init> {
    readonly Tag: ub.EnumType<typeof Service_Tag_members>;
  }
}

const Service_Tag_members = {
  serviceWithMetadata: 0,
  accessor: 1,
} as const;

const Service_Tag: ub.EnumType<typeof Service_Tag_members> = ub.defineEnum(
  'android.os.Service.Tag',
  'int',
  Service_Tag_members,
);

export const Service: Service.Type = ub.withMembers(
  ub.defineUnion('android.os.Service', {
    format: 1,
    fields: [
      ['serviceWithMetadata', () => ServiceWithMetadata],
      ['accessor', { nullable: 'IBinder' }],
    ],
  }),
  { Tag: Service_Tag },
);
