// SPDX-License-Identifier: Apache-2.0
//
// ts_wire NAME: an IWire (see ../../aidl/wire) that passes each call on to another, as a server on one side and a client on the other. It
// registers with the service manager, prints `ready NAME`, serves until killed; by `passOn` it is told whom to pass on to.

import { BinderError, connect, release, spec } from 'ubinder';
import { IWiderWire } from './interop/wire-table.js';

let target = null;

function passOn(name) {
  // The call itself comes last
  return (...args) => {
    if (!target) throw new BinderError('ILLEGAL_STATE', 'there is no target');
    return target[name](...args.slice(0, -1));
  };
}

const wire = IWiderWire.implement({
  ...Object.fromEntries(Object.keys(IWiderWire[spec].methods).map((name) => [name, passOn(name)])),
  passOn(to) {
    if (target) release(target);
    target = to && IWiderWire.fromBinder(to);
  },
});

const [, , name] = process.argv;
const binder = await connect();
await binder.services.add(name, wire);
process.stdout.write(`ready ${name}\n`);
