// What `ubinder aidl` writes for
//
//   package example;
//   interface ILibrary { ParcelFileDescriptor open(String title); int count(in ParcelFileDescriptor text); }
import * as ub from 'ubinder';

export interface ILibrary {
  open(title: string, options?: ub.CallOptions): Promise<ub.FileDescriptor>;
  count(text: ub.FileDescriptor, options?: ub.CallOptions): Promise<number>;
}
export const ILibrary: ub.InterfaceType<ILibrary> = ub.defineInterface('example.ILibrary', {
  format: 1,
  methods: {
    open: { code: 1, args: [['title', 'String']], returns: 'ParcelFileDescriptor' },
    count: { code: 2, args: [['text', 'ParcelFileDescriptor']], returns: 'int' },
  },
});
