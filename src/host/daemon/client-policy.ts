import type { Client, SecurityPolicy } from '../../driver/ports.ts';
import { OpenDevice } from '../binderfs/open-device.ts';
import { DriverPolicy } from '../policy/driver-policy.ts';
import type { Policy } from '../policy/policy.ts';

/** The rules as the driver asks them about the clients of a daemon. */
export function clientPolicy(policy: Policy): SecurityPolicy {
  return new DriverPolicy(policy, (client: Client) => {
    if (!(client instanceof OpenDevice)) throw new Error('Cannot judge a client that did not open a device');
    return client.subject;
  });
}
