import type { Ability, World } from '../support/world.ts';

/** A conversation between processes and the driver, with everything they must hear. */
export interface Scenario {
  readonly name: string;
  /** What the world must be able to do. */
  readonly needs?: readonly Ability[];
  /** The label of all senders; `null` where no security module is there (needs the ability `labels`). */
  readonly label?: string | null;
  /** Where we decided otherwise than the kernel's driver: what that does. */
  readonly differs?: string;
  readonly run: (world: World) => Promise<void>;
}
