import type { Area, OwnedArea } from '../../page/area.ts';
import type { PageMemory } from '../../page/page-memory.ts';
import { createArea, pageSize } from './area.ts';
import { nodeOfPage } from './numa.ts';

/** The system's memory: pages at fixed addresses, fresh and zeroed each time. */
export class SystemMemory implements PageMemory {
  readonly pageSize: number = pageSize();

  /** @throws SystemCallError when there is no address space left. */
  allocate(size: number): OwnedArea {
    return createArea(size);
  }

  nid(area: Area, at: number): number {
    return nodeOfPage(area.address + at);
  }
}
