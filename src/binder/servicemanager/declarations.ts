import { parseInstance } from './service-name.ts';

/** A service of which is known that it exists or will, as Android's VINTF manifest declares it. */
export interface DeclaredService {
  /** `some.package.IFoo/default` */
  readonly name: string;
  /** The APEX that brings it. */
  readonly apex?: string | undefined;
  /** Where it is reached, if another machine offers it. */
  readonly connection?: { readonly address: string; readonly port: number } | undefined;
  /** The name of the service that connects to it, for one that is reached by other means than Binder. */
  readonly accessor?: string | undefined;
}

/** The services that are declared. */
export class Declarations {
  readonly #services: ReadonlyMap<string, DeclaredService>;

  constructor(services: readonly DeclaredService[] = []) {
    this.#services = new Map(services.map((service) => [service.name, service]));
  }

  find(name: string): DeclaredService | undefined {
    return this.#services.get(name);
  }

  /** The declared instances of an interface: `default` for `some.package.IFoo/default`. */
  instancesOf(interfaceName: string): string[] {
    const instances: string[] = [];
    for (const name of this.#services.keys()) {
      const parts = parseInstance(name);
      if (parts?.interfaceName === interfaceName) instances.push(parts.instance);
    }
    return instances;
  }

  /** The names of the services that an APEX brings. */
  broughtBy(apex: string): string[] {
    return [...this.#services.values()].filter((service) => service.apex === apex).map(({ name }) => name);
  }
}
