import { Random } from '../support/random.ts';

/** How long a conversation is. */
export const STEPS = 100;

/** The seeds of the steps of a conversation. A step depends on its own alone, so that others can be left out. */
export function stepsOf(seed: number, count = STEPS): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.below(2 ** 32));
}

/** Whether descriptors are sent in the conversation of this name: not every world can. */
export const sendsFiles = (name: string): boolean => Number(name) % 2 === 0;

/** A conversation as text: a heading with its name, and the seeds of its steps where the name does not say them. */
export interface RecordedConversation {
  /** A seed, whose {@link stepsOf} are its steps. */
  readonly name: string;
  readonly steps: readonly number[];
  readonly lines: readonly string[];
}

/** The heading of a recorded conversation: `== 17`, or `== 17 of 81,92,77` with the seeds of the steps that are left. */
export function heading(name: string, steps?: readonly number[]): string {
  return steps ? `== ${name} of ${steps.join(',')}` : `== ${name}`;
}

/** Reads recorded conversations, each of which begins with a {@link heading}. */
export function parseConversations(text: string): RecordedConversation[] {
  return text
    .split(/^== /m)
    .slice(1)
    .map((part) => {
      const [head = '', ...lines] = part.trimEnd().split('\n');
      const [name = '', list] = head.split(' of ');
      return { name, steps: list ? list.split(',').map(Number) : stepsOf(Number(name)), lines };
    });
}
