import { EINTR } from '../../abi/errno.ts';
import type { IoctlRequest } from '../fuse/request.ts';
import { createArea } from '../linux/area.ts';
import {
  ERESTARTNOINTR,
  type Injected,
  type InjectionListener,
  type Injector,
  type Outcome,
} from '../linux/injector.ts';
import type { OpenDevice } from './open-device.ts';

/** What an ioctl consists of. */
export type Ioctl = Pick<
  IoctlRequest,
  'unique' | 'pid' | 'uid' | 'command' | 'argument' | 'area' | 'dataAt' | 'inSize' | 'outSize' | 'isCompat'
>;

/** What a mount does for its mapping injections. */
export interface MappingInjectionsOwner {
  /** The bytes of the answer to `request`: the ioctl's result and its argument. */
  answerBytes(request: number, result: number, argument: Uint8Array): Uint8Array;
  answerError(request: number, errno: number): void;
  carryOut(open: OpenDevice, ioctl: Ioctl): void;
}

/**
 * Puts memory that we share in the place of clients' mappings of their device, by a thread of theirs: the one that makes the
 * first ioctl after mmap(2). It maps the memory in that ioctl and makes the ioctl again, of which its program notices nothing.
 *
 * Where a client cannot be traced, its ioctl is carried out as it is, and the mapping served as it was.
 */
export class MappingInjections {
  readonly #injector: Injector;
  readonly #owner: MappingInjectionsOwner;
  readonly #byRequest = new Map<number, MappingInjection>();

  constructor(injector: Injector, owner: MappingInjectionsOwner) {
    this.#injector = injector;
    this.#owner = owner;
  }

  /** @returns whether the ioctl is dealt with here. */
  begin(open: OpenDevice, request: IoctlRequest): boolean {
    const wanted = open.wantedInjection();
    if (!wanted) return false;
    const { unique } = request;
    const ioctl = keep(request);
    const argument = ioctl.area.bytes.subarray(0, Math.min(ioctl.inSize, ioctl.outSize));
    const answer = this.#owner.answerBytes(unique, -ERESTARTNOINTR, argument);
    const injection = new MappingInjection(
      (isMapped) => {
        this.#byRequest.delete(unique);
        open.didInject(isMapped);
      },
      () => this.#owner.carryOut(open, ioctl),
    );
    this.#byRequest.set(unique, injection);
    injection.injected = this.#injector.begin({ thread: ioctl.pid, owner: ioctl.uid, answer }, injection);
    injection.injected.map(wanted.fd, wanted.address, wanted.length);
    return true;
  }

  /** The thread that makes this request has a signal. @returns whether that is dealt with here. */
  interrupt(request: number): boolean {
    const injection = this.#byRequest.get(request);
    if (!injection) return false;
    if (injection.injected?.interrupted()) {
      injection.ended(false);
      this.#owner.answerError(request, EINTR);
    }
    return true;
  }
}

class MappingInjection implements InjectionListener {
  injected: Injected | null = null;
  readonly #ended: (isMapped: boolean) => void;
  readonly #carryOut: () => void;
  #hasEnded = false;

  /**
   * @param ended called once, when it is known what came of it.
   * @param carryOut makes the ioctl, which nobody has answered.
   */
  constructor(ended: (isMapped: boolean) => void, carryOut: () => void) {
    this.#ended = ended;
    this.#carryOut = carryOut;
  }

  /** Its thread may be killed after all was done, and before it goes on: then the first word holds. */
  ended(isMapped: boolean): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#ended(isMapped);
  }

  done(outcome: Outcome): void {
    this.ended(typeof outcome !== 'number');
    if (this.injected?.isHeld) this.injected.finish({ closes: [], result: null, argument: null });
    else this.#carryOut();
  }

  /** It is finished only when it was held. */
  notFinished(): void {}

  gone(): void {
    this.ended(false);
  }
}

/** The request itself is overwritten by the next one. */
function keep(request: IoctlRequest): Ioctl {
  const { unique, pid, uid, command, argument, area, dataAt, inSize, outSize, isCompat } = request;
  const copy = createArea(Math.max(inSize, outSize, 8));
  copy.bytes.set(area.bytes.subarray(dataAt, dataAt + inSize));
  return { unique, pid, uid, command, argument, area: copy, dataAt: 0, inSize, outSize, isCompat };
}
